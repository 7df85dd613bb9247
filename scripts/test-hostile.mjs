// The long campaign of hostile sources, of which `npm test` runs some seconds. HOSTILE_SECONDS says how long;
// HOSTILE_SEED, from the message of a failure, repeats one life.
process.env.HOSTILE_SECONDS ??= '600';
process.argv.push('test/hostile');
await import('./test.mjs');
