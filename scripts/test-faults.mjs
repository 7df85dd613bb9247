// The long campaign: every kill point and every failing step, where `npm test` takes a sample of them.
process.env.FAULTS = 'all';
process.argv.push('test/faults');
await import('./test.mjs');
