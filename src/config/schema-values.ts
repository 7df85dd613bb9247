/** Single values that stand at several places of `registry.toml`. */
import * as v from 'valibot';
import { patternProblem } from '../model/pattern.ts';
import { durationForm, durationRangeProblem, durationSyntax } from './duration.ts';
import { durationPattern, modulePattern, sizePattern } from './patterns.ts';
import { expected, forEditors, prefixed, refuse, text } from './schema-kit.ts';
import { sizeForm, sizeRangeProblem, sizeSyntax } from './size.ts';

export const flag = v.boolean(expected('true or false'));

const sourceNameForm = /^(?!hosted$)(?!.*\.\.)(?!.*(?:\.lock|\.)$)[a-z0-9][a-z0-9._-]{0,63}$/;
export const sourceName = v.pipe(
  text,
  v.regex(
    sourceNameForm,
    'expected a name of at most 64 lowercase letters, digits, ".", "_" and "-", beginning with a letter or digit, ' +
      'without "..", not ending in "." or ".lock", and not "hosted"',
  ),
);

/** The name of a source that is there; which ones are, the JSON Schema cannot say. */
export const sourceReference = v.pipe(text, forEditors({ pattern: sourceNameForm.source }));

export const duration = v.pipe(
  v.string(expected(durationForm)),
  v.regex(durationSyntax, expected(durationForm)),
  v.rawCheck(refuse(durationRangeProblem)),
  v.metadata({ valueType: 'duration' }),
  forEditors({ allOf: [{ pattern: durationPattern }] }),
);

export const size = v.pipe(
  v.string(expected(sizeForm)),
  v.regex(sizeSyntax, expected(sizeForm)),
  v.rawCheck(refuse(sizeRangeProblem)),
  v.metadata({ valueType: 'size' }),
  forEditors({ allOf: [{ pattern: sizePattern }] }),
);

/** Patterns of module names. */
export const patterns = v.array(
  v.pipe(
    text,
    v.rawCheck(refuse((value) => prefixed('expected a pattern such as "owner/*": ', patternProblem(value)))),
    forEditors({ pattern: modulePattern }),
  ),
  expected('a list of patterns such as ["owner/*"]'),
);
