import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/** Those that took a minute or more when all were last run on two processors, longest first. */
const LONGEST = [
  'cli/interrupted',
  'download/resume',
  'workflows/new-members',
  'process/shutdown',
  'invariants/09-recorded-before-reported',
  'workflows/slots-freed',
  'workflows/slots',
  'cli/other-commands',
  'workflows/long-run',
  'process/upgrade-drill',
  'workflows/short-links',
  'cli/export',
  'workflows/incremental',
  'workflows/gate',
  'storage/s3/export-to-s3',
  'cli/steering',
  'process/slots-through-kills',
  'chaos/chaos',
  'workflows/slots-lost',
  'workflows/put-off-files',
  'process/killed-worker',
  'workflows/new-members-stopped',
  'workflows/polling',
  'cli/schedule',
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
