/** Signals as commands hear them. */

/** The process, as far as it tells of signals. */
interface Signalled {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

export interface Signals {
  /** SIGINT and SIGTERM. Returns what stops that; while nobody listens, they end the process. */
  onInterrupt(listener: () => void): () => void;
  /** SIGHUP, likewise. */
  onHangUp(listener: () => void): () => void;
}

/**
 * npm and npx pass on the SIGINT that a terminal sends to them and to us at once: within this time it is one Ctrl-C. Nobody
 * presses it twice as fast on purpose.
 */
const echoMs = 200;

/** `now`: milliseconds of a clock that never jumps. */
export function createSignals(source: Signalled, now: () => number): Signals {
  let interruptedAt = Number.NEGATIVE_INFINITY;
  const isEcho = () => {
    const time = now();
    if (time - interruptedAt < echoMs) return true;
    interruptedAt = time;
    return false;
  };
  const ends = hear(source, { SIGINT: isEcho, SIGTERM: () => false });
  return { onInterrupt: ends, onHangUp: hear(source, { SIGHUP: () => false }) };
}

/** For what ends with the terminal it was started in. */
export function onInterruptOrHangUp({ onInterrupt, onHangUp }: Signals): Signals['onInterrupt'] {
  return (listener) => {
    const stops = [onInterrupt(listener), onHangUp(listener)];
    return () => {
      for (const stop of stops) stop();
    };
  };
}

/** One listener there for all of ours, so that each signal is judged once. */
function hear(source: Signalled, signals: Readonly<Partial<Record<NodeJS.Signals, () => boolean>>>) {
  const listeners = new Set<() => void>();
  const heard = Object.entries(signals).map(([name, isDropped]) => {
    const listen = () => {
      if (!isDropped()) for (const listener of [...listeners]) listener();
    };
    return [name as NodeJS.Signals, listen] as const;
  });
  return (listener: () => void) => {
    if (listeners.size === 0) for (const [name, listen] of heard) source.on(name, listen);
    listeners.add(listener);
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      for (const [name, listen] of heard) source.off(name, listen);
    };
  };
}
