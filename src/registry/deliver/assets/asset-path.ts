import { isModuleName, type ModuleName } from '../../../model/module-name.ts';
import { isVersion, type Version } from '../../../model/version.ts';

/** `OWNER/NAME@VERSION/[PACKAGE/]FILE.wasm`, or the same with `.sha256` (moon-protocol §5), decoded. */
export interface AssetPath {
  readonly module: ModuleName;
  readonly version: Version;
  /** Without `.sha256`. */
  readonly wasmPath: string;
  readonly isChecksum: boolean;
}

const checksumSuffix = '.sha256';

export function parseAssetPath(path: string): AssetPath | undefined {
  const isChecksum = path.endsWith(checksumSuffix);
  const wasmPath = isChecksum ? path.slice(0, -checksumSuffix.length) : path;
  const match = /^([^@]+)@([^/@]+)\/(.+\.wasm)$/.exec(wasmPath);
  const [, module = '', version = '', file = ''] = match ?? [];
  if (!isModuleName(module) || !isVersion(version)) return undefined;
  // The file's own folders obey the same rules as a module's name.
  if (!isModuleName(`package/${file}`)) return undefined;
  return { module, version, wasmPath, isChecksum };
}
