import type { IncomingHttpHeaders } from 'node:http';

/** A token as a request shows it. */
export interface ShownToken {
  readonly text: string;
  /**
   * `header`: nobody but its holder has seen it. `address`: it stood in an address (which `moon` and git turn into a Basic header),
   * where logs, histories and error messages show it.
   */
  readonly by: 'header' | 'address';
}

/** As long as any `Authorization` that could hold a token of ours. */
const longestHeader = 1024;

/**
 * The token in a request's `Authorization`: of `Bearer`, or of `Basic` the password, or the user where no password is given
 * (`https://TOKEN@host`, RFC 7617). What is no token of ours is handed on all the same, to be found unknown. `undefined` where
 * nothing is shown.
 */
export function shownToken({ authorization }: IncomingHttpHeaders): ShownToken | undefined {
  if (authorization === undefined) return undefined;
  const [, scheme = '', value = ''] =
    /^ *([A-Za-z]+) +([\x21-\x7e]*) *$/.exec(authorization.slice(0, longestHeader)) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { text: value, by: 'header' };
    case 'basic': {
      const [user = '', ...password] = Buffer.from(value, 'base64').toString('latin1').split(':');
      return { text: password.join(':') || user, by: 'address' };
    }
    default:
      return { text: '', by: 'header' };
  }
}
