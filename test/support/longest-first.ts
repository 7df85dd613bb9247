import { relative } from 'node:path';
import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/** Each takes ten seconds or more, whatever its size; one that is missing here costs time and nothing else. */
const longest = [
  'test/e2e/documented-commands.test.ts',
  'test/e2e/git-clients.test.ts',
  'test/names.test.ts',
  'test/faults/kill.test.ts',
  'test/faults/disk.test.ts',
  'test/formats.test.ts',
  'test/hostile/served.test.ts',
  'test/rules.test.ts',
  'test/faults/own.test.ts',
  'test/faults/day.test.ts',
  'test/e2e/publish-many.test.ts',
  'test/properties.test.ts',
  'test/hostile/campaign.test.ts',
  'test/faults/publish-kill.test.ts',
];

/**
 * Begins with the long ones, and ends with the many short ones of `src`: no worker is left alone with a long file. vitest itself begins
 * with the project whose name is first, and with the largest files where it has never run.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId, project }: TestSpecification) => {
      const position = longest.indexOf(relative(project.config.root, moduleId).replaceAll('\\', '/'));
      if (position >= 0) return position;
      return longest.length + (project.config.isolate ? 0 : 1);
    };
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
