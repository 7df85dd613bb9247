import type { Command } from 'commander';
import type { DevicePrompt } from '../../author/device-flow.ts';
import type { LoggedIn } from '../../author/log-in.ts';
import { readRegistryAddress, requireSafeWay } from '../../author/registry-address.ts';
import { withToken } from '../../registry/access/token-address.ts';
import { userAgent } from '../../sources/user-agent.ts';
import { systemClock } from '../../support/flow/monotonic-clock.ts';
import { anyDestination } from '../../support/net/destination.ts';
import { createHttpClient } from '../../support/net/fetch-http.ts';
import { shellLine } from '../../support/shell.ts';
import { addExamples, type CommandContext, interruptible, type Run } from '../context.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';

const timeouts = { connectMs: 10_000, firstByteMs: 30_000, idleMs: 30_000, totalMs: 60_000 };

export function defineLogin(parent: Command, run: Run): void {
  const command = parent
    .command('login')
    .summary('log in at a registry with a browser, to read')
    .description(
      'Shows an address and a code to give to a browser, on this machine or any other, and once you have logged in there, a token ' +
        'to read at the registry for 90 days. It is shown, and stored nowhere; it ends earlier where whoever operates the registry ends it.',
    )
    .argument('<url>', 'the address of the registry')
    .option('--by <name>', 'which way to log in, where the registry has several');
  addExamples(command, [
    ['moonbit-registry login https://moon.company.com', 'Log in, and be shown what to paste for moon.'],
    [
      'moonbit-registry login https://moon.company.com --by staff --json',
      'By the way called "staff"; the token as data.',
    ],
  ]);
  command.action((url: string, flags: { readonly by?: string }) =>
    run((context) => login(context, url, flags)),
  );
}

async function login(
  context: CommandContext,
  address: string,
  { by }: { readonly by?: string },
): Promise<ExitCode> {
  const { io, output } = context;
  const registry = readAddress(address);
  const { logIn } = await import('../../author/log-in.ts');
  const http = createHttpClient({
    ...{ userAgent, timeouts, environment: io.env },
    destinations: anyDestination,
  });
  try {
    const token = await interruptible(io, (signal) =>
      logIn(registry, {
        ...{ http, signal, clock: systemClock, issuer: by },
        onPrompt: (prompt) => output.say(formatPrompt(prompt)),
      }),
    );
    output.result(formatLogin(registry, token));
    return exitCodes.done;
  } finally {
    await http.close();
  }
}

function readAddress(address: string): string {
  const reading = readRegistryAddress(address);
  const hint = 'moonbit-registry login https://moon.company.com';
  if (reading.kind === 'problem') throw new CommandLineError(`the address ${reading.problem}`, { hint });
  if (reading.hasCredentials)
    throw new CommandLineError(
      'the address holds a token or a password, which everybody on this machine can read',
      { hint: shellLine`moonbit-registry login ${reading.url}` },
    );
  requireSafeWay(reading.url);
  return reading.url;
}

function formatPrompt({ address, code, wholeAddress }: DevicePrompt): string {
  const whole = wholeAddress === undefined ? [] : [`or, with the code in it, ${wholeAddress}`];
  return [`Open ${address}`, ...whole, `and enter the code ${code}`, 'Waiting for you to log in…'].join('\n');
}

function formatLogin(registry: string, { text, name, expiresAt, readsAll }: LoggedIn) {
  const address = readsAll ? withToken(registry, text) : undefined;
  const reading = [
    'To read with moon, in its environment (anybody who sees the address has the token):',
    `  ${shellLine`export ${`MOONCAKES_REGISTRY=${address}`}`}`,
  ];
  return {
    text: [
      `Logged in at ${registry} as ${name}; the token expires ${expiresAt}.`,
      '',
      `  ${text}`,
      '',
      'It is shown this once. As a header: Authorization: Bearer TOKEN',
      ...(readsAll ? reading : []),
    ].join('\n'),
    json: { registry, name, text, expiresAt, ...(address !== undefined && { mooncakesRegistry: address }) },
  };
}
