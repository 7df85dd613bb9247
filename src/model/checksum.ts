/** The lowercase hex SHA-256 of an archive: its identity (rule 5). Clients compare it as a string. */
export type Checksum = string & { readonly brand: 'Checksum' };

const pattern = /^[0-9a-f]{64}$/;

export function isChecksum(text: unknown): text is Checksum {
  return typeof text === 'string' && pattern.test(text);
}
