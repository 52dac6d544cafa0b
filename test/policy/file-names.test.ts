import { expect, test } from 'vitest';
import { FileNamesWriter, readNames } from '../../src/policy/file-names.ts';

function short(names: string[]) {
  const writer = new FileNamesWriter();
  for (const name of names) writer.add(name);
  return writer.end();
}

test('names come out as they went in', () => {
  const names = [
    'Patient.00001.ndjson',
    'Patient.00002.ndjson',
    'Observation.00001.ndjson',
    'Patient.00003.ndjson',
    'patient.00004.ndjson',
    'deleted/Bundle.00001.ndjson',
    'Bundle.00001.ndjson',
    'error/OperationOutcome.00001.ndjson',
  ];
  const back = [...readNames(short(names) as NonNullable<ReturnType<typeof short>>)];
  expect(back.map(({ name }) => name)).toEqual(names);
  expect(back[5]?.type).toBe('Bundle');
  expect([...readNames({ stems: [], runs: '' })]).toEqual([]);
});

test('they stay small: many files of a few types, or none', () => {
  const type = (place: number) => (place < 60_000 ? 'Observation' : 'Condition');
  const many = Array.from({ length: 100_000 }, (_, place) => `${type(place)}.${place}.ndjson`);
  expect(JSON.stringify(short(many)).length).toBeLessThan(100);
  const mixed = Array.from({ length: 10_000 }, (_, place) => `${place % 2 === 0 ? 'A' : 'B'}.${place}.ndjson`);
  expect(short(mixed)).toBeUndefined();
  expect(short(Array.from({ length: 200 }, (_, place) => `T${place}.00001.ndjson`))).toBeUndefined();
});
