import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import * as client from '../../src/client.ts';
import * as contract from '../../src/contract.ts';
import * as worker from '../../src/hosting/index.ts';

const document = await readFile(new URL('../../docs/embedding.md', import.meta.url), 'utf8');
const rowOf = (module: string): string => document.split('\n').find((line) => line.startsWith(`| \`${module}\``)) ?? '';

test.each([
  ['fhir-bulk-export', Object.keys(client).filter((name) => !Object.hasOwn(contract, name))],
  ['fhir-bulk-export/worker', Object.keys(worker)],
])('docs/embedding.md names all that %s exports', (module, names) => {
  expect(names.filter((name) => !rowOf(module).includes(`\`${name}\``))).toEqual([]);
});

test('docs/reference.md names all details of a failure', async () => {
  const errors = await readFile(new URL('../../src/errors.ts', import.meta.url), 'utf8');
  const reference = await readFile(new URL('../../docs/reference.md', import.meta.url), 'utf8');
  const [, fields = ''] = /interface FailureDetails \{(.*?)\n\}/s.exec(errors) ?? [];
  const names = [...fields.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name]) => name);
  expect(names).toHaveLength(8);
  const [, table = ''] = /\| detail \| \|\n(.*?)\n\n/s.exec(reference) ?? [];
  expect(names.filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
});
