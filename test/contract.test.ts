import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import {
  BULK_EXPORT,
  FAILURES,
  MAX_REQUEST_BYTES,
  POLL_NOW,
  PROGRESS,
  SEARCH_ATTRIBUTES,
  TASK_QUEUE,
  WARNINGS,
  filesTaskQueue,
} from '../src/contract.ts';

test('the names that callers type do not change', () => {
  expect({ TASK_QUEUE, BULK_EXPORT, POLL_NOW, PROGRESS, SEARCH_ATTRIBUTES, MAX_REQUEST_BYTES }).toEqual({
    TASK_QUEUE: 'fhir-bulk-export',
    BULK_EXPORT: 'bulkExport',
    POLL_NOW: 'pollNow',
    PROGRESS: 'progress',
    SEARCH_ATTRIBUTES: {
      server: 'FhirServer',
      phase: 'ExportPhase',
      level: 'ExportLevel',
      outcome: 'ExportOutcome',
    },
    MAX_REQUEST_BYTES: 32_768,
  });
  expect(filesTaskQueue('hospital-a')).toBe('fhir-bulk-export.files.hospital-a');
});

test('it imports only its parts, which import nothing, so that any service can use it', async () => {
  const imports = async (file: string): Promise<string[]> => {
    const source = await readFile(new URL(`../src/${file}`, import.meta.url), 'utf8');
    expect(source).not.toMatch(/\bimport\(|\brequire\(/);
    return [...source.matchAll(/\bfrom '([^']*)'/g)].map(([, from]) => from as string);
  };
  expect(new Set(await imports('contract.ts'))).toEqual(
    new Set(['./errors.ts', './incremental-contract.ts', './parameters.ts', './steering-contract.ts']),
  );
  expect(await imports('steering-contract.ts')).toEqual(['./errors.ts']);
  expect(await imports('errors.ts')).toEqual([]);
  expect(await imports('parameters.ts')).toEqual([]);
});

describe('failures', () => {
  test('are a closed table', () => {
    expect(Object.keys(FAILURES)).toEqual([
      'InvalidRequest',
      'NotAllowed',
      'UnknownServer',
      'UnknownDestination',
      'KickOffRejected',
      'KickOffUnknown',
      'ExportFailed',
      'ExportGone',
      'ExportExpired',
      'InvalidManifest',
      'ServerUnavailable',
      'AuthorizationFailed',
      'IncompleteExport',
      'DestinationNotEmpty',
      'DestinationFailed',
      'AuditFailed',
      'DeadlineExceeded',
    ]);
  });

  test.each(Object.entries(FAILURES))(
    '%s fits into a row of a table: what it means, and what to do next',
    (code, row) => {
      expect(code).toMatch(/^[A-Z][A-Za-z]+$/);
      expect(Object.keys(row)).toEqual(['meaning', 'next']);
      for (const text of [row.meaning, row.next]) expect(text).toMatch(/^[A-Z`][^|\n]{20,200}\.$/);
    },
  );
});

test.each(Object.entries(WARNINGS))('the warning %s is a sentence', (code, text) => {
  expect(code).toMatch(/^[A-Z][A-Za-z]+$/);
  expect(text).toMatch(/^[A-Z][^|\n]{20,200}\.$/);
});
