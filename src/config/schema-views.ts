/** The shape of `[[views]]`: parts of the index, each at an address of its own. */
import * as v from 'valibot';
import { toVisibleLine } from '../support/visible-text.ts';
import { about, forEditors, refuse, setting, table, text } from './schema-kit.ts';
import { patterns, sourceName } from './schema-values.ts';

const audienceForm =
  'expected the name of a token or of a login or job (`*` for any run of characters), "owner:PERSON", or "anyone"';

function audienceProblem(value: string): string | undefined {
  const isPlain = value !== '' && value.length <= 200 && toVisibleLine(value) === value;
  return isPlain && value !== 'owner:' ? undefined : audienceForm;
}

export const view = table({
  name: about(sourceName, 'What it is called in its address, `/v/NAME/`'),
  include: about(
    v.pipe(patterns, v.minLength(1, 'expected at least one pattern'), forEditors({ minItems: 1 })),
    'The modules it is of; what these depend on is in it too, unless it is claimed by a source, or published here',
  ),
  for: setting(
    v.array(v.pipe(text, v.rawCheck(refuse(audienceProblem)), forEditors({ minLength: 1 }))),
    'Who may read it besides those who may read everything: names of tokens, "owner:PERSON", or "anyone"',
    [],
  ),
});
