import type { MirrorProgress } from '../registry/reports.ts';
import { formatBytes, groupDigits } from './format.ts';
import type { Output } from './output.ts';

const redrawAfterMs = 100;
const barWidth = 24;

/** Draws progress on the terminal's status line, at most ten times a second; silent where there is none. */
export function createProgressLine(output: Output, now: () => number): (progress: MirrorProgress) => void {
  let startedAt: number | undefined;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let drawnPhase: MirrorProgress['phase'] | undefined;
  return (progress) => {
    if (!output.hasStatusLine) return;
    const time = now();
    if (progress.phase === 'downloading') startedAt ??= time;
    if (progress.phase === drawnPhase && time - drawnAt < redrawAfterMs) return;
    drawnAt = time;
    drawnPhase = progress.phase;
    output.statusLine(formatProgress(progress, startedAt === undefined ? 0 : time - startedAt));
  };
}

/** One line: what is going on, how far it is, bytes so far and per second. */
export function formatProgress(progress: MirrorProgress, elapsedMs: number): string {
  const { phase, done, total, bytes } = progress;
  if (phase !== 'downloading') {
    const verb = phase === 'refreshing' ? 'Reading indexes' : 'Updating the served index';
    return total > 0 ? `${verb} ${done}/${total}` : verb;
  }
  const filled = total === 0 ? 0 : Math.min(barWidth, Math.floor((done / total) * barWidth));
  const bar = `${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}`;
  const rate = elapsedMs > 0 ? `  ${formatBytes(Math.round((bytes * 1000) / elapsedMs))}/s` : '';
  return `[${bar}] ${groupDigits(done)}/${groupDigits(total)}  ${formatBytes(bytes)}${rate}`;
}
