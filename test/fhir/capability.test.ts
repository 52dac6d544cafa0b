import { describe, expect, test } from 'vitest';
import { findExport } from '../../src/fhir/capability.ts';

const IG = 'http://hl7.org/fhir/uv/bulkdata';

function operation(name: string, definition: string, version = ''): object {
  return { name, definition: `${IG}/OperationDefinition/${definition}${version === '' ? '' : `|${version}`}` };
}

function statement(rest: object, more: object = {}): object {
  return { resourceType: 'CapabilityStatement', rest: [{ mode: 'server', ...rest }], ...more };
}

const everything = { name: 'everything', definition: 'http://hl7.org/fhir/OperationDefinition/Patient-everything' };

describe('where the operations are declared', () => {
  // As IG 1.0.0 did it: all at the level of the server, named by their definitions.
  const ofServer = statement({
    operation: [
      operation('export', 'export', '1.0.0'),
      operation('patient-export', 'patient-export', '1.0.0'),
      operation('group-export', 'group-export', '1.0.0'),
    ],
    resource: [{ type: 'Patient', operation: [everything] }, { type: 'Group' }],
  });
  // As since IG 1.0.1.
  const ofResources = statement({
    operation: [operation('export', 'export', '2.0.0')],
    resource: [
      { type: 'Observation', operation: [operation('export', 'patient-export', '4.0.0')] },
      { type: 'Patient', operation: [everything, operation('export', 'patient-export', '2.0.0')] },
      { type: 'Group', operation: [operation('group-export', 'group-export', '3.0.0')] },
    ],
  });
  test.each([
    ['server', 'system', ofServer, { operation: 'export', version: 1, declared: true }],
    ['server', 'patient', ofServer, { operation: 'export', version: 1, declared: true }],
    ['server', 'group', ofServer, { operation: 'export', version: 1, declared: true }],
    ['resources', 'system', ofResources, { operation: 'export', version: 2, declared: true }],
    ['resources', 'patient', ofResources, { operation: 'export', version: 2, declared: true }],
    ['resources', 'group', ofResources, { operation: 'export', version: 3, declared: true }],
  ] as const)('at the %s, level %s', (_place, level, found, expected) => {
    expect(findExport(found, level)).toEqual(expected);
  });

  test('those of other levels do not matter when the level has its own', () => {
    const mixed = statement({
      operation: [operation('export', 'group-export', '1.0.0'), operation('export-v4', 'export', '4.0.0')],
    });
    expect(findExport(mixed, 'system')).toEqual({ operation: 'export-v4', version: 4, declared: true });
    expect(findExport(mixed, 'group')).toEqual({ operation: 'export', version: 1, declared: true });
  });
});

describe('a level that is not declared', () => {
  test('is said to be so, and what another level has still tells the version', () => {
    const ofServer = statement({ operation: [operation('export', 'group-export', '2.0.0')] });
    expect(findExport(ofServer, 'system')).toEqual({ operation: 'export', version: 2, declared: false });
    expect(findExport(ofServer, 'patient')).toEqual({ operation: 'export', version: 2, declared: false });
  });

  test('is, where its resource has an export operation under another definition', () => {
    const ofResource = statement({
      resource: [{ type: 'Group', operation: [operation('export', 'export', '2.0.0')] }],
    });
    expect(findExport(ofResource, 'group')).toEqual({ operation: 'export', version: 2, declared: true });
    expect(findExport(ofResource, 'patient')).toEqual({ operation: 'export', declared: false });
  });
});

describe('an operation under a definition of the server’s own', () => {
  const own = (name: string, definition: string): object => ({
    name,
    definition: `https://h.example/fhir/${definition}`,
  });

  test.each(['system', 'patient', 'group'] as const)('is found by its name, level %s', (level) => {
    const found = statement({
      operation: [own('export', 'OperationDefinition/-s-export'), own('get-resource-counts', 'OperationDefinition/x')],
      resource: [
        { type: 'Patient', operation: [own('export', 'OperationDefinition/Patient--export')] },
        { type: 'Group', operation: [everything, own('group-export', 'OperationDefinition/Group-i-export|4.0.0')] },
      ],
    });
    expect(findExport(found, level)).toEqual({ operation: 'export', declared: true });
  });

  test('tells no version of the IG, whatever its own is', () => {
    const found = statement({ operation: [own('export', 'OperationDefinition/export|4.0.0')] });
    expect(findExport(found, 'system')).toEqual({ operation: 'export', declared: true });
  });

  test('gives way to one that is found by its definition', () => {
    const found = statement({
      operation: [own('export', 'OperationDefinition/old'), operation('export-v4', 'export', '4.0.0')],
    });
    expect(findExport(found, 'system')).toEqual({ operation: 'export-v4', version: 4, declared: true });
  });

  test('is not one of another name', () => {
    const found = statement({ operation: [own('davinci-data-export', 'OperationDefinition/davinci-data-export')] });
    expect(findExport(found, 'system')).toEqual({ operation: 'export', declared: false });
  });

  test('can be named by a Reference, as in FHIR 3', () => {
    const definition = { reference: `${IG}/OperationDefinition/group-export|2.0.0` };
    const found = statement({ resource: [{ type: 'Group', operation: [{ name: 'export', definition }] }] });
    expect(findExport(found, 'group')).toEqual({ operation: 'export', version: 2, declared: true });
  });
});

describe('which version is declared', () => {
  const group = (...operations: object[]): object => ({ resource: [{ type: 'Group', operation: operations }] });

  test.each([
    ['3.0.0', 3],
    ['3', 3],
    ['4.0.0-ballot', 4],
    ['2.0.0', 2],
    ['40.0.0', undefined],
    ['0.1.0', undefined],
  ])('%s of the definition is %d', (text, version) => {
    const { version: found } = findExport(statement(group(operation('export', 'group-export', text))), 'group') ?? {};
    expect(found).toBe(version);
  });

  test('the older of two side by side, found by definition and not by name', () => {
    const operations = [operation('export-v4', 'group-export', '4.0.0'), operation('export', 'group-export', '3.0.0')];
    for (const order of [operations, operations.toReversed()]) {
      expect(findExport(statement(group(...order)), 'group')).toEqual({
        operation: 'export',
        version: 3,
        declared: true,
      });
    }
  });

  test('a name of its own for the only one', () => {
    const found = statement(group(operation('export-v4', 'group-export', '4.0.0')));
    expect(findExport(found, 'group')).toEqual({ operation: 'export-v4', version: 4, declared: true });
  });

  test('of the statement as a whole when the definition has none, and its own otherwise', () => {
    const whole = { instantiates: ['http://other.example|9', `${IG}/CapabilityStatement/bulk-data|2.0.0`] };
    const own = statement(group(operation('export', 'group-export', '3.0.0')), whole);
    const none = statement(group(operation('export', 'group-export')), whole);
    expect(findExport(own, 'group')?.version).toBe(3);
    expect(findExport(none, 'group')?.version).toBe(2);
    expect(findExport(statement({}, whole), 'group')).toEqual({ operation: 'export', version: 2, declared: false });
  });

  test('none when nobody says', () => {
    const silent = statement(group(operation('export', 'group-export')), {
      instantiates: [`${IG}/CapabilityStatement/bulk-data`],
    });
    expect(findExport(silent, 'group')).toEqual({ operation: 'export', declared: true });
    expect(findExport(statement({}), 'group')).toEqual({ operation: 'export', declared: false });
  });
});

describe('what is not believed', () => {
  test.each(['../admin', 'export/../x', 'export?x=1', 'everything', '', `export-${'x'.repeat(60)}`])(
    'the name "%s" does not get into the URL',
    (name) => {
      const found = statement({ operation: [operation(name, 'export', '3.0.0')] });
      expect(findExport(found, 'system')).toEqual({ operation: 'export', version: 3, declared: true });
    },
  );

  test('a name with its $', () => {
    expect(findExport(statement({ operation: [operation('$export-v4', 'export', '4')] }), 'system')?.operation).toBe(
      'export-v4',
    );
  });

  test.each([[undefined], [null], ['CapabilityStatement'], [[]], [{}], [{ resourceType: 'OperationOutcome' }]])(
    '%j is no statement',
    (value) => {
      expect(findExport(value, 'group')).toBeUndefined();
    },
  );

  test.each([
    [{ rest: 'x' }],
    [{ rest: [null, 5, 'x'] }],
    [{ rest: [{ resource: {}, operation: 'x' }] }],
    [{ rest: [{ resource: [null, { type: 'Group', operation: [null, {}, { name: 5, definition: 6 }] }] }] }],
    [{ rest: [{ resource: [{ type: 'Group', operation: [{ name: 'export' }] }] }], instantiates: 'x' }],
    [{ rest: [{ operation: [{ name: 'export', definition: 'http://a.example/OperationDefinition/my-export|4' }] }] }],
  ])('garbage within a statement is passed over: %j', (content) => {
    expect(findExport({ resourceType: 'CapabilityStatement', ...content }, 'group')).toEqual({
      operation: 'export',
      declared: false,
    });
  });
});

describe('the operation of payers', () => {
  const statement = (operation: object): object => ({
    resourceType: 'CapabilityStatement',
    rest: [{ resource: [{ type: 'Group', operation: [operation] }] }],
  });
  const DAVINCI = 'http://hl7.org/fhir/us/davinci-atr/OperationDefinition/davinci-data-export|2.1.0';

  test.each([
    [{ name: 'davinci-data-export', definition: DAVINCI }, true],
    [{ name: '$davinci-data-export', definition: 'https://payer.example/Operation/x' }, true],
    [{ name: 'export', definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export' }, false],
  ])('%j is found: %s', (operation, declared) => {
    expect(findExport(statement(operation), 'group', 'davinci-data-export')).toEqual({
      operation: 'davinci-data-export',
      declared,
      version: undefined,
    });
  });

  test('is of no version of the guide that the server follows with $export', () => {
    const whole = { instantiates: ['http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data|4.0.0'] };
    const both = { ...statement({ name: 'davinci-data-export', definition: DAVINCI }), ...whole };
    expect(findExport(both, 'group', 'davinci-data-export')?.version).toBeUndefined();
    expect(findExport(both, 'group')?.version).toBe(4);
  });

  test('is not taken for $export', () => {
    const found = findExport(statement({ name: 'davinci-data-export', definition: DAVINCI }), 'group');
    expect(found).toEqual({ operation: 'export', declared: false, version: undefined });
  });
});

test('what the server says that it is', () => {
  const software = { name: 'Example', version: '1.2', releaseDate: '2026-01-01', other: 'x' };
  const found = findExport(statement({}, { software, fhirVersion: '4.0.1' }), 'system');
  expect(found?.software).toEqual({ name: 'Example', version: '1.2', releaseDate: '2026-01-01' });
  expect(found?.fhirVersion).toBe('4.0.1');
  const odd = findExport(statement({}, { software: 'Example', fhirVersion: 4 }), 'system');
  expect([odd?.software, odd?.fhirVersion]).toEqual([undefined, undefined]);
  const long = findExport(statement({}, { software: { name: 'x'.repeat(1000), version: {} } }), 'system');
  expect(long?.software).toEqual({ name: 'x'.repeat(200), version: undefined, releaseDate: undefined });
});
