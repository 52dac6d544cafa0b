import { expect, test } from 'vitest';
import { warningsOfContent } from '../../src/activities/content-warnings.ts';
import { IssueSummary } from '../../src/export-folder/issue-summary.ts';

const one = { files: 1, resources: 1, bytes: 10 };
const none = { files: 1, resources: 0, bytes: 0 };
const types = ['Patient', 'Goal'];

test.each([
  ['a group without types', { level: 'group' }, {}, {}, ['NothingExported']],
  ['everything', { level: 'system' }, {}, {}, ['NothingExported']],
  ['all patients', { level: 'patient', parameters: { _since: 'x' } }, {}, {}, ['NothingExported']],
  [
    'types of a group',
    { level: 'group', parameters: { _type: types } },
    {},
    {},
    ['NothingExported', 'TypeWithoutFile', 'TypeWithoutFile'],
  ],
  ['types of all', { level: 'system', parameters: { _type: types } }, {}, {}, ['TypeWithoutFile', 'TypeWithoutFile']],
  ['everything, in empty files', { level: 'system' }, { Patient: none }, {}, ['NothingExported']],
  ['everything, with a resource', { level: 'system' }, { Patient: one, Goal: none }, {}, []],
  ['everything, with a deletion', { level: 'system' }, {}, { Patient: 1 }, []],
  [
    'everything, with deletions that name nothing',
    { level: 'system' },
    {},
    { Patient: 1, unknown: 2 },
    ['DeletionsUnnamed'],
  ],
  ['a group, organised', { level: 'group', parameters: { _type: types } }, { Resource: one }, {}, []],
  ['everything, asked by an older version', {}, {}, {}, ['NothingExported']],
] as const)('%s', (_, request, byType, deletions, codes) => {
  const { unknown: unnamedDeletions = 0 } = deletions as Record<string, number>;
  const content = { byType, deletions, unnamedDeletions, smallerFiles: 0, issues: new IssueSummary() };
  expect(warningsOfContent(request, content).map(({ code }) => code)).toEqual(codes);
});
