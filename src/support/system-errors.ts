import { constants } from 'node:os';

// What Linux calls errors that file systems give and that neither libuv nor `os.constants` of Node.js 20 name (errno(3)).
const linuxNames: readonly (readonly [number, string])[] = [
  [15, 'ENOTBLK'],
  [37, 'ENOLCK'],
  [52, 'EBADE'],
  [56, 'EBADRQC'],
  [61, 'ENODATA'],
  [64, 'ENONET'],
  [66, 'EREMOTE'],
  [70, 'ECOMM'],
  [77, 'EBADFD'],
  [108, 'ESHUTDOWN'],
  [112, 'EHOSTDOWN'],
  [116, 'ESTALE'],
  [117, 'EUCLEAN'],
  [121, 'EREMOTEIO'],
  [122, 'EDQUOT'],
  [123, 'ENOMEDIUM'],
  [124, 'EMEDIUMTYPE'],
  [126, 'ENOKEY'],
  [127, 'EKEYEXPIRED'],
  [128, 'EKEYREVOKED'],
  [129, 'EKEYREJECTED'],
  [133, 'EHWPOISON'],
];

const names = new Map<number, string>([
  ...(process.platform === 'linux' ? linuxNames : []),
  ...Object.entries(constants.errno).map(([name, number]): [number, string] => [number, name]),
  [constants.errno.ENOTSUP, 'ENOTSUP'],
  [constants.errno.EAGAIN, 'EAGAIN'],
]);

/**
 * The name of a system error by its number, as Node.js gives it (`errno: -122`), for those it has no name for:
 * `Unknown system error -122` is `EDQUOT`. One that has no name anywhere is `E122`.
 */
export function systemErrorName(errno: number): string {
  const number = Math.abs(errno);
  return names.get(number) ?? `E${number}`;
}
