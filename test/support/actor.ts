import type { Actor } from '../../src/registry/record/audit.ts';

/** Who opens registries in tests, where that is not the matter. */
export const tester: Actor = { user: 'tester', command: 'test' };
