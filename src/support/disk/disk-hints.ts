/** What people can do about what a disk, or the file system on it, says. */

const access = 'give the user who runs this process read and write permission there';
const gone = 'the disk is gone: connect or mount it again, then run the same command again';
const silent =
  'the file system, or the machine that has it, does not answer: look at the mount, then run the same command again';
const damaged = 'the file system is damaged: unmount and check it (fsck) before going on';
const lacking =
  'the file system there cannot do that: "moonbit-registry doctor" says what it lacks; a local disk can';
const expired =
  'the key or ticket for that file system is missing or has expired: renew it, then run the same command again';
const again = 'run the same command again';

/** Codes that sockets do not give: whoever meets one knows that it is a file's. */
const ofDisksAlone = {
  ENOSPC: 'free some space on that disk (or files: df -i), then run the same command again',
  EDQUOT: 'raise the disk quota or free some space, then run the same command again',
  EROFS: 'the file system is mounted read-only: mount it writable, or move the registry directory',
  EACCES: access,
  EPERM: access,
  ENOTDIR: 'something else stands where a directory is needed: move it away',
  EISDIR: 'a directory stands where a file is needed: move it away, or name another file',
  EMFILE: 'raise the limit of open files (ulimit -n), or lower the number of jobs',
  ENFILE: 'raise the limit of open files of this machine',
  EIO: 'the disk reports a hardware error: check it before going on',
  ESTALE:
    'the network file system has replaced what was there: run the same command again; if that goes on, mount it anew',
  EUCLEAN: damaged,
  EBADMSG: damaged,
  EHWPOISON: damaged,
  EMEDIUMTYPE: damaged,
  ENOMEDIUM: gone,
  EREMOTEIO: silent,
  EFBIG: 'a file there may not be so large: raise the limit (ulimit -f), or use another file system',
  ENAMETOOLONG: 'the path is too long there: move the registry to a folder with a shorter path',
  ELOOP: 'symbolic links there lead in a circle: mend them',
  EMLINK: 'that file has as many links as it can have there: use another file system',
  EXDEV: 'a part of the data folder is on another file system: keep all of it on one',
  ENOTEMPTY: 'something else is there: move it away',
  ETXTBSY: 'another program uses it: wait until that has ended, then run the same command again',
  ENOLCK: 'the file system has no locks left: look at the mount, then run the same command again',
  ENOKEY: expired,
  EKEYEXPIRED: expired,
  EKEYREVOKED: expired,
  EKEYREJECTED: expired,
};

const ofDisksAndSockets = {
  ENOENT:
    'it is not there (any more): mount what belongs there, or run the same command again, which makes it anew',
  EEXIST: 'something else is there: move it away',
  ENOTSUP: lacking,
  EOPNOTSUPP: lacking,
  ENOSYS: lacking,
  ENOTTY: lacking,
  EINVAL: lacking,
  ENODEV: gone,
  ENXIO: gone,
  EBUSY: 'another program uses it: wait until that has ended, then run the same command again',
  ENOMEM: 'give this machine, or this process (ulimit -v), more memory',
  EAGAIN: again,
  EINTR: again,
  ECANCELED: again,
  ETIMEDOUT: silent,
  EHOSTDOWN: silent,
  EHOSTUNREACH: silent,
  ENETUNREACH: silent,
  ENETDOWN: silent,
  ENOTCONN: silent,
  ESHUTDOWN: silent,
  ECONNABORTED: silent,
  ECONNREFUSED: silent,
  ENOLINK: silent,
  ECOMM: silent,
  ENONET: silent,
};

const alone = new Map(Object.entries(ofDisksAlone));
const all = new Map(Object.entries({ ...ofDisksAlone, ...ofDisksAndSockets }));

const otherwise =
  "look at the file system there (the system's log says more), then run the same command again";

/** What a user can do about a failed file operation with this code, whatever it is. */
export function hintFor(code: string): string {
  return all.get(code) ?? otherwise;
}

/** Whether only files fail with this code, never a connection. */
export function isOfDisksAlone(code: string): boolean {
  return alone.has(code);
}
