/** What can be said against a module that somebody wants to publish; each code means one thing for ever. */
type ProblemCode = FileProblem | EntryProblem | ManifestProblem;

/** Of the file as a whole. */
type FileProblem =
  | 'archive-too-large'
  | 'not-a-zip'
  | 'prepended-data'
  | 'trailing-data'
  | 'hidden-data'
  | 'overlapping-entries'
  | 'zip64'
  | 'too-many-entries'
  | 'directory-damaged'
  | 'unpacks-too-large';

/** Of one entry, or of several together. */
type EntryProblem =
  | 'unsafe-name'
  | 'unreadable-name'
  | 'duplicate-name'
  | 'awkward-name'
  | 'special-file'
  | 'encrypted'
  | 'compression-method'
  | 'compression-ratio'
  | 'entry-damaged'
  | 'build-output';

type ManifestProblem =
  | 'no-manifest'
  | 'two-manifests'
  | 'manifest-damaged'
  | 'unknown-key'
  | 'reserved-key'
  | 'wrong-value'
  | 'module-name'
  | 'module-version'
  | 'not-what-was-asked'
  | 'dependency'
  | 'unresolvable'
  | 'licence'
  | 'runs-code';

/** Only an `error` keeps a module from being published; a `remark` is told to whoever publishes it. */
export interface PublishProblem {
  readonly code: ProblemCode;
  readonly severity: 'error' | 'remark';
  /** A sentence or two in printable characters, without its full stop: what, where, and what helps. */
  readonly text: string;
}

/** Collects problems in the order of their finding, each once, and no more than somebody would read. */
export interface ProblemList {
  error(code: ProblemCode, text: string): void;
  remark(code: ProblemCode, text: string): void;
  /** Whether any of them is an error. */
  readonly isRefusal: boolean;
  /** Errors first; the last one says how many there are beyond. */
  all(): PublishProblem[];
}

const mostOfEach = 50;

export function createProblemList(): ProblemList {
  const kept: Record<PublishProblem['severity'], PublishProblem[]> = { error: [], remark: [] };
  const counts = { error: 0, remark: 0 };

  function add(severity: PublishProblem['severity'], code: ProblemCode, text: string): void {
    if (kept[severity].some((other) => other.text === text)) return;
    counts[severity] += 1;
    if (counts[severity] <= mostOfEach) kept[severity].push({ code, severity, text });
  }

  return {
    error: (code, text) => add('error', code, text),
    remark: (code, text) => add('remark', code, text),
    get isRefusal() {
      return counts.error > 0;
    },
    all: () => [...withCount(kept.error, counts.error), ...withCount(kept.remark, counts.remark)],
  };
}

function withCount(kept: readonly PublishProblem[], count: number): PublishProblem[] {
  const last = kept.at(-1);
  if (!last || count === kept.length) return [...kept];
  return [...kept.slice(0, -1), { ...last, text: `${last.text} (and ${count - kept.length} more)` }];
}
