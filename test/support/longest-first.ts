import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/** Those that take a minute or more where two run at once, longest first. */
const LONGEST = [
  'hostile/activities',
  'hostile/more-activities',
  'invariants/09-recorded-before-reported',
  'download/resume',
  'workflows/long-run',
  'chaos/chaos',
  'workflows/many-files',
  'workflows/polling',
  'storage/s3/export-to-s3',
  'workflows/downloads',
  'workflows/short-links',
  'process/killed-worker',
  'process/shutdown',
  'workflows/export',
  'workflows/continue-as-new',
  'auth/tokens-on-workers',
];

/**
 * Begins with the longest files, so that none of them runs on alone in the end. Of the others the largest come first. Files
 * that share a process with others come last, project by project: a process ends when another project's file is next.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => group(one).localeCompare(group(other)) || place(one) - place(other));
  }
}

function group({ project: { name, config } }: TestSpecification): string {
  return config.isolate ? '' : name;
}

function place({ moduleId }: TestSpecification): number {
  const found = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return found === -1 ? LONGEST.length : found;
}
