/** Bytes that a store takes for a zip file, which it knows by its beginning. */
export function zipOf(content: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), Buffer.from(content)]);
}
