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
  [
    'types, and one more comes',
    { level: 'group', parameters: { _type: types } },
    { Patient: one, Goal: one, Group: one },
    {},
    ['ParameterIgnored'],
  ],
  [
    'types, and an empty file of one more',
    { level: 'system', parameters: { _type: 'Goal' } },
    { Patient: none, Goal: one },
    {},
    [],
  ],
  [
    'types, and what may come with them',
    { level: 'system', parameters: { _type: 'Goal' } },
    { Provenance: one, OperationOutcome: one, Goal: one },
    {},
    [],
  ],
  [
    'filters, which leave the types open',
    { level: 'system', parameters: { _typeFilter: 'Goal?a=b' } },
    { Patient: one, Goal: one },
    {},
    [],
  ],
  [
    'organised output, and files of types come',
    { level: 'system', parameters: { organizeOutputBy: 'Patient' } },
    { Patient: one },
    {},
    ['ParameterIgnored'],
  ],
  [
    'organised output, and nothing comes',
    { level: 'group', parameters: { organizeOutputBy: 'Patient' } },
    {},
    {},
    ['NothingExported'],
  ],
  ['everything, asked by an older version', {}, {}, {}, ['NothingExported']],
] as const)('%s', (_, request, byType, deletions, codes) => {
  const { unknown: unnamedDeletions = 0 } = deletions as Record<string, number>;
  const content = { byType, deletions, unnamedDeletions, smallerFiles: 0, issues: new IssueSummary() };
  expect(warningsOfContent(request, content).map(({ code }) => code)).toEqual(codes);
});

test('types that came unasked are named', () => {
  const content = {
    byType: { Goal: one, Claim: one },
    deletions: {},
    unnamedDeletions: 0,
    smallerFiles: 0,
    issues: new IssueSummary(),
  };
  expect(warningsOfContent({ parameters: { _type: 'Goal' } }, content)).toEqual([
    { code: 'ParameterIgnored', message: 'The server has ignored _type: there are files of Claim, too.' },
  ]);
});

test.each([
  ['the manifest says that it is organised', { organizedBy: 'Patient' }],
  [
    'it was left out',
    {
      earlier: [
        { code: 'ParameterIgnored' as const, message: 'organizeOutputBy was left out: this server cannot do it.' },
      ],
    },
  ],
])('output that is not seen to be organised is not ignored when %s', (_, terms) => {
  const content = {
    byType: { Patient: one },
    deletions: {},
    unnamedDeletions: 0,
    smallerFiles: 0,
    issues: new IssueSummary(),
  };
  const parameters = { organizeOutputBy: 'Patient', ...('organizedBy' in terms ? { _type: 'Goal' } : {}) };
  expect(warningsOfContent({ parameters }, content, terms)).toEqual([]);
});
