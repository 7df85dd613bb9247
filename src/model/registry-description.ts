/** Where a registry of our own kind says what it is, below its address, and what `registry` says there. */
export const descriptionPath = '/.well-known/moonbit-registry';
export const descriptionMark = 'moonbit-registry';

/** So many versions that were withdrawn stand in a description, the newest of them. */
export const mostWithdrawn = 1000;
