import { describe, expect, test } from 'vitest';
import type { ExportParameters } from '../../src/contract.ts';
import type { Fitted } from '../../src/profiles/fit-request.ts';
import { fitRequest } from '../../src/profiles/fit-request.ts';
import type { SettingsOfServer } from '../../src/profiles/resolve.ts';

type Given = ExportParameters & { patient?: string };

function fit(profile: string | SettingsOfServer, parameters: Given, lenient = false): Fitted {
  const configured = typeof profile === 'string' ? { profile } : profile;
  return fitRequest({ level: 'group', parameters, prefer: lenient ? ['handling=lenient'] : [] }, configured);
}
const SINCE = '2026-01-01T00:00:00Z';

test('a generic server is asked for whatever the request says', () => {
  const parameters = { _since: SINCE, _elements: 'id', patient: 'Patient/1', _typeFilter: 'Patient?gender=male' };
  expect(fit('generic', parameters)).toMatchObject({ problems: [], warnings: [] });
  expect(fit('generic', parameters).parameters).toHaveLength(4);
});

describe('what does not work is refused with the reason, and left out with handling=lenient', () => {
  test.each<[string, Given, string, string[]]>([
    ['epic', { _since: SINCE }, 'parameters._since: does not work at this server (profile epic', []],
    ['oracle-millennium', { _elements: 'id', _type: 'Condition' }, 'parameters._elements: does not work', ['_type']],
    ['oracle-millennium', { patient: '1' }, 'parameters.patient: does not work at this server', []],
    ['oracle-ai', { includeAssociatedData: '_x' }, 'parameters.includeAssociatedData: does not work', []],
    ['firely', { _typeFilter: 'Patient?gender=male' }, 'parameters._typeFilter: does not work', []],
    ['bcda', { _typeFilter: 'Patient?gender=male' }, 'parameters._typeFilter: the server cannot filter Patient', []],
    ['oracle-millennium', { _typeFilter: 'Condition?code=1' }, 'parameters._typeFilter: works beside _type only', []],
    [
      'oracle-millennium',
      { _type: 'Condition,Patient', _typeFilter: 'Patient?gender=male' },
      'the server cannot filter Patient',
      ['_type'],
    ],
    ['hapi', { _outputFormat: 'application/fhir+ndjson+gzip' }, 'the server does not know', []],
  ])('%s, %o', (profile, parameters, problem, left) => {
    const strict = fit(profile, parameters);
    expect(strict.problems.join()).toContain(problem);
    expect(strict.warnings).toEqual([]);
    const lenient = fit(profile, parameters, true);
    expect(lenient.problems).toEqual([]);
    expect(lenient.parameters.map(({ name }) => name)).toEqual(left);
    expect(lenient.warnings.map(({ code }) => code)).toEqual(['ParameterIgnored']);
  });

  test('of several filters, those that the server cannot do', () => {
    const filters = ['ExplanationOfBenefit?_tag=x', 'Patient?gender=male'];
    const { parameters } = fit('bcda', { _typeFilter: filters }, true);
    expect(parameters).toEqual([{ name: '_typeFilter', values: [filters[0]] }]);
  });

  test('the reason names the source, or the configuration', () => {
    expect(fit('epic', { _since: SINCE }).problems[0]).toContain('fhir.epic.com, bulk data tutorial, 2026-11-25');
    const own = fit({ profile: 'epic', unsupportedParameters: ['_until'] }, { _since: SINCE, _until: SINCE });
    expect(own.problems).toEqual([
      'parameters._until: does not work at this server (unsupportedParameters of the configuration); change the request, or ask for handling=lenient to leave it out',
    ]);
  });
});

describe('what would bring another export is refused, also with handling=lenient', () => {
  test.each<[string, Given, string]>([
    ['oracle-millennium', { _type: 'Patient,Location' }, 'Patient, Location can be exported only together with'],
    [
      'oracle-millennium',
      { _type: 'Patient,Condition', includeAssociatedData: 'LatestProvenanceResources' },
      'must name Provenance',
    ],
  ])('%s, %o', (profile, parameters, problem) => {
    expect(fit(profile, parameters, true).problems.join()).toContain(problem);
  });

  test('a level that the server does not have', () => {
    const planned = { level: 'system', prefer: ['handling=lenient'] } as const;
    expect(fitRequest(planned, { profile: 'athenahealth' }).problems).toEqual([
      'level: this server exports at level group only (profile athenahealth, levels: api-evangelist/athenahealth, 2026-11-25)',
    ]);
  });
});

test('types that need company may have it', () => {
  expect(fit('oracle-millennium', { _type: 'Patient,Condition' }).problems).toEqual([]);
  expect(fit('oracle-millennium', {}).problems).toEqual([]);
});

describe('an export with _since', () => {
  const codes = ({ warnings }: Fitted): string[] => warnings.map(({ code }) => code);

  test('warns where deletions are not reported', () => {
    expect(codes(fit('medplum', { _since: SINCE }))).toEqual(['DeletionsNotReported']);
    expect(codes(fit('medplum', {}))).toEqual([]);
    expect(codes(fit({ profile: 'medplum', reportsDeletions: true }, { _since: SINCE }))).toEqual([]);
  });

  test('warns where patients who came since are not exported in full', () => {
    const planned = { parameters: { _since: SINCE } };
    expect(codes(fitRequest({ level: 'patient', ...planned }, { profile: 'bcda' }))).toEqual(['NewPatientsInPart']);
    expect(codes(fitRequest({ level: 'group', ...planned }, { profile: 'bcda' }))).toEqual([]);
  });

  test('warns of neither when the parameter was left out', () => {
    const configured = { profile: 'medplum', unsupportedParameters: ['_since'] };
    expect(codes(fit(configured, { _since: SINCE }, true))).toEqual(['ParameterIgnored']);
  });
});
