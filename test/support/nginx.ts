import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './temporary-directory.ts';

/** Whether this machine has nginx (Debian: apt-get install nginx). */
export const hasNginx = spawnSync('nginx', ['-v']).error === undefined;

/** Runs nginx with `blocks` inside its `http` until the test has finished; resolves when it listens on `port`. */
export async function startNginx(blocks: string, port: number): Promise<void> {
  const directory = temporaryDirectory();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const paths = temporary.map((name) => `  ${name}_temp_path ${directory}/${name};`).join('\n');
  // In one process, which is this test's user, whatever the machine's own settings say.
  const configuration = `daemon off;\nmaster_process off;\npid ${directory}/nginx.pid;\nerror_log stderr warn;
events {}\nhttp {\n  access_log off;\n${paths}\n${blocks}\n}\n`;
  const file = join(directory, 'nginx.conf');
  await writeFile(file, configuration);
  const child = spawn('nginx', ['-p', directory, '-e', 'stderr', '-c', file]);
  let complaints = '';
  child.stderr.on('data', (piece) => {
    complaints += String(piece);
  });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  while (!(await answers(port)))
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${complaints}`);
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // It takes a moment to begin; meanwhile others are to run as well.
    await new Promise((resolve) => setTimeout(resolve, 10));
    return false;
  } finally {
    socket.destroy();
  }
}
