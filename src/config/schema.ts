/**
 * The shape of `registry.toml`: the one definition behind validation, the JSON Schema, `config KEY VALUE` and the
 * README's table. It knows single values; what must hold between them is in `rules.ts`. `forEditors` adds what the JSON
 * Schema can say of a rule that is code.
 */
import * as v from 'valibot';
import { anySource, mirrorPatternProblem } from '../model/mirror-target.ts';
import { impliedPreset } from '../sources/kinds.ts';
import { labelPattern, mirrorPattern } from './patterns.ts';
import { hosting } from './schema-hosting.ts';
import { expected, forEditors, path, prefixed, refuse, setting, table, text } from './schema-kit.ts';
import { limits, server } from './schema-server.ts';
import { source } from './schema-source.ts';
import { access } from './schema-tokens.ts';
import { duration, flag, sourceName, sourceReference } from './schema-values.ts';
import { view } from './schema-views.ts';
import { sizeForm, sizeSyntax } from './size.ts';
import { sourcesProblem } from './source-tables.ts';

const label = v.pipe(
  text,
  v.rawCheck(
    refuse((value) => {
      if (value.trim() === '' || value.length > 100) return 'expected 1 to 100 characters';
      return /[\u0000-\u001f\u007f-\u009f]/.test(value) ? 'expected no control characters' : undefined;
    }),
  ),
  forEditors({ pattern: labelPattern }),
);

/** A part of a disk: also nothing, or much. */
const room = v.pipe(
  v.string(expected(sizeForm)),
  v.regex(sizeSyntax, expected(sizeForm)),
  v.metadata({ valueType: 'size' }),
);

const registry = table({
  name: setting(label, "The registry's name; the folder's unless set"),
  data_dir: setting(path, 'Where the index and archives are kept, relative to this file', 'data'),
  cache_reserve: setting(
    room,
    'What of the disk is kept free for the index: beyond it archives are fetched, but not cached; `0B` to use all. ' +
      '5 % of the disk and 2 GiB at least, unless set, so smaller disks need it',
  ),
});

const mirrored = v.pipe(
  text,
  v.rawCheck(
    refuse((value) => prefixed('expected a pattern such as "owner/*": ', mirrorPatternProblem(value))),
  ),
  forEditors({ pattern: mirrorPattern }),
);

const mirrorTargets = v.pipe(
  v.array(
    v.union(
      [
        mirrored,
        v.strictObject({
          source: v.union([sourceName, v.literal(anySource)], expected('the name of a source, or "*"')),
          pattern: mirrored,
        }),
      ],
      expected('a pattern such as "owner/*", or { source = "partner", pattern = "owner/*" }'),
    ),
    expected('a list of patterns such as ["owner/*"]'),
  ),
  v.metadata({ valueType: 'list of patterns' }),
);

const mirror = table({
  packages: setting(
    mirrorTargets,
    'What `mirror` without patterns, and `auto_sync`, take: patterns or `OWNER/NAME@VERSION` of the default source, or ' +
      '`{ source = "NAME", pattern = "owner/*" }`, with `"*"` for whichever source supplies a module',
    [],
  ),
  auto_sync: setting(flag, 'Whether the server mirrors `packages` by itself', false),
  sync_interval: setting(duration, 'How often it does', '1h'),
});

const configTable = table({
  default_source: setting(
    sourceReference,
    'The source `mirror` reads unless told otherwise; the first one unless set',
  ),
  registry: v.optional(registry, {}),
  sources: v.optional(
    v.array(source, ({ input }) => sourcesProblem(input)),
    [],
  ),
  mirror: v.optional(mirror, {}),
  server: v.optional(server, {}),
  access: v.optional(access, {}),
  views: v.optional(v.array(view, expected('[[views]] tables')), []),
  hosting: v.optional(hosting, {}),
  limits: v.optional(limits, {}),
});

/** Without sources, the default one is the implied one. */
export const configSchema = v.pipe(
  configTable,
  forEditors({
    if: { properties: { sources: { type: 'array', maxItems: 0 } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { default_source: { const: impliedPreset.name } } },
  }),
);

/** A valid file, with defaults filled in. */
export type ConfigFile = v.InferOutput<typeof configSchema>;
export type SourceEntry = ConfigFile['sources'][number];
export type OidcTable = ConfigFile['access']['oidc'][number];
