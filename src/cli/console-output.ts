/** What `work` prints through `console.log`, the only way in which the completion library answers. */
export function captureConsole(work: () => void): string[] {
  const lines: string[] = [];
  const original = console.log;
  console.log = (line: string) => void lines.push(line);
  try {
    work();
  } finally {
    console.log = original;
  }
  return lines;
}
