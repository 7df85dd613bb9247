import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

interface CompanyModule {
  readonly folder: string;
  readonly version: string;
  readonly description: string;
  readonly deps: Readonly<Record<string, string>>;
}

/** What Ada has on her machine: a workspace whose members use each other, public modules and those of the partner. */
const ofAda: readonly CompanyModule[] = [
  {
    folder: 'logging',
    version: '0.9.0',
    description: 'How services of the company log',
    deps: { 'moonbitlang/x': '0.4.40' },
  },
  {
    folder: 'auth',
    version: '0.5.0',
    description: 'Single sign-on',
    deps: { 'company/logging': '0.9.0', 'moonbitlang/async': '0.16.6' },
  },
  {
    folder: 'billing',
    version: '1.3.0',
    description: 'Invoices and payments',
    deps: { 'company/auth': '0.5.0', 'partner-org/payments': '1.1.0' },
  },
  {
    folder: 'tool',
    version: '1.3.0',
    description: 'The command line tool of the company',
    deps: { 'company/logging': '0.9.0' },
  },
];

/** What a build has checked out. */
const ofBuild: CompanyModule = {
  folder: 'tool',
  version: '1.4.0',
  description: 'The command line tool of the company',
  deps: { 'company/logging': '0.9.0', 'lantern/markdown': '0.4.7' },
};

/** Writes Ada's workspace. */
export async function writeWorkspace(directory: string): Promise<void> {
  await writeText(
    join(directory, 'moon.work'),
    `members = ${JSON.stringify(ofAda.map(({ folder }) => folder))}\n`,
  );
  for (const one of ofAda) await writeModule(join(directory, one.folder), one);
}

/** Writes what the build publishes. */
export async function writeCheckout(directory: string): Promise<void> {
  await writeModule(directory, ofBuild);
}

async function writeModule(
  directory: string,
  { folder, version, description, deps }: CompanyModule,
): Promise<void> {
  const manifest = {
    name: `company/${folder}`,
    version,
    deps,
    description,
    license: 'Apache-2.0',
    source: 'src',
  };
  await writeText(join(directory, 'moon.mod.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await writeText(join(directory, 'src/moon.pkg.json'), '{}\n');
  await writeText(
    join(directory, 'src/lib.mbt'),
    `///|\npub fn version() -> String {\n  ${JSON.stringify(version)}\n}\n`,
  );
}

async function writeText(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
