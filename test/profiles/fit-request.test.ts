import { describe, expect, test } from 'vitest';
import type { ExportParameters } from '../../src/contract.ts';
import type { Fitted } from '../../src/profiles/fit-request.ts';
import { fitRequest } from '../../src/profiles/fit-request.ts';
import type { SettingsOfServer } from '../../src/profiles/resolve.ts';
import type { Preference } from '../../src/profiles/settings.ts';

type Given = ExportParameters & { patient?: string };

function fit(profile: string | SettingsOfServer, parameters: Given, lenient = false): Fitted {
  const configured = typeof profile === 'string' ? { profile } : profile;
  return fitRequest({ level: 'group', parameters, prefer: lenient ? ['handling=lenient'] : [] }, configured);
}
const unsupported = (name: string): SettingsOfServer => ({ profile: 'generic', unsupportedParameters: [name] });
const SINCE = '2026-01-01T00:00:00Z';

test('a generic server is asked for whatever the request says', () => {
  const parameters = { _since: SINCE, _elements: 'id', patient: 'Patient/1', _typeFilter: 'Patient?gender=male' };
  expect(fit('generic', parameters).problems).toEqual([]);
  expect(fit('generic', parameters).parameters).toHaveLength(4);
});

describe('what only shapes the export is refused with the reason, and left out with handling=lenient', () => {
  const gzip = 'application/fhir+ndjson+gzip';
  test.each<[string | SettingsOfServer, Given, string]>([
    ['oracle-ai', { includeAssociatedData: '_x' }, 'parameters.includeAssociatedData: this server cannot do it'],
    ['hapi', { _outputFormat: gzip }, `this server has no format ${gzip}`],
    [unsupported('organizeOutputBy'), { organizeOutputBy: 'Patient' }, 'organizeOutputBy: this server cannot'],
    [unsupported('allowPartialManifests'), { allowPartialManifests: true }, 'Manifests: this server cannot'],
    [unsupported('_maximumFileSize'), { _maximumFileSize: 5 }, '_maximumFileSize: this server cannot'],
  ])('%j, %o', (profile, parameters, problem) => {
    const all = { ...parameters, _type: 'Condition' };
    const strict = fit(profile, all);
    expect(strict.problems).toEqual([expect.stringContaining(problem)]);
    expect(strict.problems[0]).toContain('or ask for handling=lenient to leave it out');
    expect(strict.warnings).toEqual([]);
    const lenient = fit(profile, all, true);
    expect(lenient.problems).toEqual([]);
    expect(lenient.parameters.map(({ name }) => name)).toEqual(['_type']);
    expect(lenient.warnings.map(({ code }) => code)).toEqual(['ParameterIgnored']);
  });
});

describe('what narrows the export is refused, also with handling=lenient: without it more would come', () => {
  test.each<[string | SettingsOfServer, Given, string]>([
    ['epic', { _since: SINCE }, 'parameters._since: this server cannot do it'],
    ['oracle-millennium', { _elements: 'id', _type: 'Condition' }, 'parameters._elements: this server cannot do it'],
    ['oracle-millennium', { patient: '1' }, 'parameters.patient: this server knows it at level patient only'],
    ['oracle-ai', { _elements: 'id' }, 'parameters._elements: this server cannot do it'],
    ['ab2d', {}, 'parameters._since: without it this server exports only what is new since the last job'],
    ['firely', { _typeFilter: 'Patient?gender=male' }, 'parameters._typeFilter: this server does not know it'],
    ['firely', { _custom: 'x' }, 'parameters._custom: this server does not know it'],
    ['bcda', { _typeFilter: 'Patient?gender=male' }, 'parameters._typeFilter: this server cannot filter Patient'],
    [
      'bcda',
      { _typeFilter: ['ExplanationOfBenefit?_tag=x', 'Patient?gender=male'] },
      'parameters._typeFilter: this server cannot filter Patient',
    ],
    ['oracle-millennium', { _typeFilter: 'Condition?code=1' }, '_typeFilter: this server wants _type beside it'],
    [
      'oracle-millennium',
      { _type: 'Condition,Patient', _typeFilter: 'Patient?gender=male' },
      'this server cannot filter Patient',
    ],
    ['ab2d', { _since: '2019-12-30T00:00:00Z' }, '_since: before 2020-01-01T00:00:00-05:00 it counts as none'],
    ['ab2d', { _since: SINCE, _typeFilter: 'Patient?gender=male' }, '_typeFilter: this server does not know it'],
    ['ab2d', { _since: SINCE, patient: '1' }, 'parameters.patient: this server does not know it'],
    ['ab2d', { _since: SINCE, _elements: 'id' }, 'parameters._elements: this server does not know it'],
    ['ab2d', { _since: SINCE, _custom: 'x' }, 'parameters._custom: this server does not know it'],
    ['dpc', { _elements: 'id' }, 'parameters._elements: this server does not know it'],
    ['dpc', { _typeFilter: 'Patient?gender=male' }, 'parameters._typeFilter: this server does not know it'],
    ['bcda', { _elements: 'id' }, 'parameters._elements: this server does not know it'],
    ['bcda', { patient: '1' }, 'parameters.patient: this server does not know it'],
    ['nextgen', { patient: '1' }, 'parameters.patient: this server cannot do it'],
    ['aidbox', { patient: '1' }, 'parameters.patient: this server does not know it'],
    ['aidbox', { _until: SINCE }, 'parameters._until: this server does not know it'],
    ['healthlake', { _typeFilter: 'Patient?gender=male' }, 'parameters._typeFilter: this server does not know it'],
    ['healthlake', { _elements: 'id' }, 'parameters._elements: this server does not know it'],
    ['healthlake', { patient: '1' }, 'parameters.patient: this server does not know it'],
    [
      'google',
      {},
      'parameters.organizeOutputBy: this server must be given "Patient" (as https://docs.cloud.google.com',
    ],
    ['google', { organizeOutputBy: 'Group' }, 'organizeOutputBy: this server must be given "Patient"'],
    ['google', { organizeOutputBy: 'Patient', _until: SINCE }, 'parameters._until: this server does not know it'],
    [unsupported('_type'), { _type: 'Patient' }, 'parameters._type: this server cannot do it'],
    [unsupported('_until'), { _until: SINCE }, 'parameters._until: this server cannot do it'],
    [unsupported('_cohort'), { _cohort: 'x' }, 'parameters._cohort: this server cannot do it'],
    ['oracle-millennium', { _type: 'Location,Practitioner' }, 'Location, Practitioner only together with other types'],
    [
      'oracle-millennium',
      { _type: 'Patient,Condition', includeAssociatedData: 'LatestProvenanceResources' },
      'this server wants Provenance in it',
    ],
  ])('%j, %o', (profile, parameters, problem) => {
    for (const lenient of [false, true]) {
      const { problems, warnings, parameters: left } = fit(profile, parameters, lenient);
      expect(problems).toEqual([expect.stringContaining(problem)]);
      expect(problems[0]).not.toContain('handling=lenient');
      expect(warnings.map(({ code }) => code)).not.toContain('ParameterIgnored');
      expect(left.map(({ name }) => name)).toEqual(Object.keys(parameters));
    }
  });

  test('and exportType of payers', () => {
    const planned = { level: 'group', operation: 'davinci-data-export', prefer: ['handling=lenient'] } as const;
    const { problems } = fitRequest({ ...planned, parameters: { exportType: 'x' } }, unsupported('exportType'));
    expect(problems).toHaveLength(1);
  });

  test('a level that the server does not have', () => {
    const planned = { level: 'system', prefer: ['handling=lenient'] } as const;
    expect(fitRequest(planned, { profile: 'athenahealth' }).problems).toEqual([
      expect.stringMatching(
        /^level: this server exports at level group only \(as https:\/\/github\.com\/api-evangelist\/athenahealth\/\S+ says, read on 2026-11-25; if it is wrong, set levels for this server\)$/,
      ),
    ]);
  });
});

test('the reason names the source, or the configuration', () => {
  expect(fit('epic', { _since: SINCE }).problems[0]).toContain(
    'docs/since.md says, read on 2026-11-29; if it is wrong, set unsupportedParameters for',
  );
  const own = fit({ profile: 'epic', unsupportedParameters: ['_until'] }, { _since: SINCE, _until: SINCE });
  expect(own.problems).toEqual([
    'parameters._until: this server cannot do it (as unsupportedParameters of the configuration says); change the request',
  ]);
});

test('patients are named at their own level only, where they must be', () => {
  const oracle = { profile: 'oracle-millennium' };
  const problems = (level: 'patient' | 'group', patient?: string): string[] =>
    fitRequest({ level, parameters: patient === undefined ? {} : { patient } }, oracle).problems;
  expect(problems('patient')).toEqual([
    expect.stringMatching(
      /^parameters\.patient: this server wants it at level patient \(as https:\/\/docs\.oracle\.com/,
    ),
  ]);
  expect(problems('patient', 'Patient/1')).toEqual([]);
  expect(problems('group')).toEqual([]);
  expect(fitRequest({ level: 'system' }, oracle).problems).toEqual([
    expect.stringContaining('level: this server exports at level patient and group only'),
  ]);
});

test('a level that a server has by POST of its own only is refused', () => {
  expect(fitRequest({ level: 'system' }, { profile: 'healthlake' }).problems).toEqual([
    expect.stringContaining('level: this server exports at level patient and group only'),
  ]);
});

test('what is known of one endpoint says nothing of another', () => {
  const problems = (level: 'system' | 'patient' | 'group', parameters: Given, profile: string): string[] =>
    fitRequest({ level, parameters }, { profile }).problems;
  expect(problems('patient', { patient: '1', _type: 'Patient' }, 'aidbox')).toEqual([]);
  expect(problems('system', {}, 'google')).toEqual([]);
  expect(problems('group', { organizeOutputBy: 'Patient', _type: 'Patient' }, 'google')).toEqual([]);
  expect(problems('system', { organizeOutputBy: 'Patient' }, 'google')).toEqual([
    expect.stringContaining('organizeOutputBy: this server does not know it'),
  ]);
  const payers = { level: 'group', operation: 'davinci-data-export' } as const;
  const of = (parameters: Given): string[] => fitRequest({ ...payers, parameters }, { profile: 'healthlake' }).problems;
  expect(of({ exportType: 'hl7.fhir.us.davinci-pdex', patient: '1' })).toEqual([]);
  expect(of({ _typeFilter: 'Patient?gender=male' })).toHaveLength(1);
  // All of it can be overridden.
  const own = { profile: 'google', knownParameters: null, neededParameters: null };
  expect(fitRequest({ level: 'group', parameters: { _until: SINCE } }, own).problems).toEqual([]);
});

test('what a server needs is not left out with handling=lenient, where it is not there', () => {
  const { problems, warnings } = fit('google', {}, true);
  expect(problems).toEqual([expect.not.stringContaining('handling=lenient')]);
  expect(warnings).toEqual([]);
});

test('what these servers know is sent', () => {
  const KNOWN = { _type: 'ExplanationOfBenefit', _since: SINCE, _outputFormat: 'application/fhir+ndjson' } as const;
  for (const profile of ['ab2d', 'bcda', 'dpc', 'firely']) {
    const { problems, parameters } = fit(profile, KNOWN);
    expect(problems).toEqual([]);
    expect(parameters.map(({ name }) => name)).toEqual(Object.keys(KNOWN));
  }
  expect(fit('ab2d', { _since: SINCE, _until: SINCE }).problems).toEqual([]);
  expect(fit('firely', { _elements: 'id', patient: '1' }).problems).toEqual([]);
});

describe('preferences that a server does not take are not sent', () => {
  const preferring = (profile: SettingsOfServer, ...prefer: Preference[]): Fitted =>
    fitRequest({ level: 'group', parameters: {}, prefer }, profile);

  test.each(['bcda', 'dpc'])('%s takes none', (profile) => {
    const { prefer, problems, warnings } = preferring({ profile }, 'handling=lenient', 'separate-export-status');
    expect(prefer).toEqual([]);
    expect(problems).toEqual([]);
    expect(warnings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      expect.stringMatching(
        /^ParameterIgnored: prefer: separate-export-status was left out: this server does not take it \(as https:/,
      ),
    ]);
    expect(preferring({ profile }, 'handling=strict').warnings).toHaveLength(1);
  });

  test('others take all, or what the configuration says', () => {
    const all = ['handling=lenient', 'separate-export-status'] as const;
    expect(preferring({ profile: 'generic' }, ...all)).toMatchObject({ prefer: all, warnings: [] });
    expect(preferring({ profile: 'bcda', preferences: null }, ...all)).toMatchObject({ prefer: all, warnings: [] });
    const one: SettingsOfServer = { profile: 'generic', preferences: ['handling=lenient'] };
    expect(preferring(one, ...all)).toMatchObject({ prefer: ['handling=lenient'], warnings: [expect.anything()] });
  });
});

test('types that need company may have it', () => {
  expect(fit('oracle-millennium', { _type: 'Location,Condition' }).problems).toEqual([]);
  expect(fit('oracle-millennium', { _type: 'Patient' }).problems).toEqual([]);
  expect(fit('oracle-millennium', {}).problems).toEqual([]);
});

describe('an export with _since', () => {
  const codes = ({ warnings }: Fitted): string[] => warnings.map(({ code }) => code);

  test('warns where deletions are not reported', () => {
    expect(codes(fit('medplum', { _since: SINCE }))).toContain('DeletionsNotReported');
    expect(codes(fit('medplum', {}))).toEqual([]);
    expect(codes(fit({ profile: 'medplum', reportsDeletions: true }, { _since: SINCE }))).not.toContain(
      'DeletionsNotReported',
    );
  });

  test('warns where patients who came since are not exported in full', () => {
    const planned = { parameters: { _since: SINCE } };
    expect(codes(fitRequest({ level: 'patient', ...planned }, { profile: 'bcda' }))).toEqual(['NewPatientsInPart']);
    expect(codes(fitRequest({ level: 'group', ...planned }, { profile: 'bcda' }))).toEqual([]);
    // Also where it is not known.
    const unknown = fitRequest({ level: 'group', ...planned }, { profile: 'generic' });
    expect(unknown.warnings).toEqual([
      { code: 'NewPatientsInPart', message: expect.stringContaining('It is not known whether') },
    ]);
    expect(codes(fitRequest({ level: 'patient', ...planned }, { profile: 'generic' }))).toEqual([]);
    expect(codes(fitRequest({ level: 'system', ...planned }, { profile: 'generic' }))).toEqual([]);
  });
});
