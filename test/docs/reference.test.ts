import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { projectRoot } from '../../src/programs/project.ts';
import { AuthSchema } from '../../src/auth/schemes/index.ts';
import type { Config, ServerConfig } from '../../src/config.ts';
import type { ExportProgress, ExportReport, ExportRequest } from '../../src/contract.ts';
import { FAILURES, PHASES, SEARCH_ATTRIBUTES, WARNINGS } from '../../src/contract.ts';
import { ruleOf } from '../../src/fhir/parameters.ts';
import type { ServerSettings } from '../../src/profiles/settings.ts';
import { DestinationSchema } from '../../src/storage/destinations.ts';

const reference = await readFile(join(projectRoot, 'docs/reference.md'), 'utf8');
const lines = reference.split('\n');

/** Keys of every member of a union. */
type KeyOf<T> = T extends unknown ? keyof T : never;
/** The compiler refuses a field that is missing or too many: interfaces have no fields at run time. */
type Fields<T> = Record<KeyOf<T>, true>;

const REQUEST = {
  server: true,
  level: true,
  groupId: true,
  operation: true,
  parameters: true,
  destination: true,
  prefer: true,
  attachments: true,
  keepServerFiles: true,
  onIncomplete: true,
  incremental: true,
  newMembersOf: true,
  requestedBy: true,
  purpose: true,
  deadline: true,
} satisfies Fields<ExportRequest>;

const REPORT = {
  status: true,
  transactionTime: true,
  since: true,
  requestHash: true,
  mark: true,
  newMembers: true,
  location: true,
  files: true,
  resources: true,
  bytes: true,
  byType: true,
  attachments: true,
  deletions: true,
  issues: true,
  fetchedAgain: true,
  warnings: true,
} satisfies Fields<ExportReport>;

const PROGRESS_FIELDS = {
  phase: true,
  server: true,
  location: true,
  polls: true,
  queue: true,
  serverProgress: true,
  nextPollAt: true,
  files: true,
  attachments: true,
  resources: true,
  bytes: true,
  knownBytes: true,
  transactionTime: true,
  since: true,
  fetchedAgain: true,
  trouble: true,
  pending: true,
  standsStillSince: true,
  deadline: true,
  paused: true,
  concurrency: true,
  warnings: true,
} satisfies Fields<ExportProgress>;

const CONFIGURATION = {
  servers: true,
  destinations: true,
  audit: true,
  heartbeatSeconds: true,
  downloadThreads: true,
  metrics: true,
  traces: true,
  health: true,
  searchAttributes: true,
} satisfies Fields<Config>;

const SERVER = {
  baseUrl: true,
  profile: true,
  allow: true,
  auth: true,
  fileOrigins: true,
  checks: true,
  headers: true,
  tls: true,
  proxy: true,
  proxyCredentialsFile: true,
  proxyCredentialsEnv: true,
  stallSeconds: true,
} satisfies Fields<Omit<ServerConfig, keyof ServerSettings>>;

const AUTH = fieldsByType(AuthSchema.options);
const DESTINATIONS = fieldsByType(DestinationSchema.options);

/** The fields of each kind of a union on `type`, by the kind. */
function fieldsByType(
  kinds: readonly { entries: { type: { literal: string } } }[],
): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    kinds.map(({ entries: { type, ...fields } }) => [type.literal, fields as Record<string, unknown>]),
  );
}

/** Rows of the table whose first column has this heading: the names in the first cell, and the whole row. */
function table(heading: string): { names: string[]; row: string }[] {
  const first = lines.findIndex((line) => line.startsWith(`| ${heading} |`));
  const rest = lines.slice(first + 2);
  const end = rest.findIndex((line) => !line.startsWith('|'));
  return rest.slice(0, end).map((row) => ({ names: namesIn(row.split('|')[1] ?? ''), row }));
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);
}

describe('docs/reference.md', () => {
  it.each<[string, object]>([
    ['request field', REQUEST],
    ['report field', REPORT],
    ['progress field', PROGRESS_FIELDS],
    ['configuration field', CONFIGURATION],
    ['server field', SERVER],
    ['`auth` type', AUTH],
    ['destination type', DESTINATIONS],
    ['failure', FAILURES],
    ['warning', WARNINGS],
  ])('has each %s, and no other', (heading, fields) => {
    const names = table(heading).flatMap((row) => row.names.map((name) => name.replace(/\..*/, '')));
    expect([...new Set(names)].toSorted()).toEqual(Object.keys(fields).toSorted());
  });

  it.each<[string, Record<string, object>]>([
    ['`auth` type', AUTH],
    ['destination type', DESTINATIONS],
  ])('has all fields of each %s', (heading, types) => {
    for (const { names, row } of table(heading)) {
      const [type = ''] = names;
      expect(namesIn(row), type).toEqual(expect.arrayContaining(Object.keys(types[type] ?? {})));
    }
  });

  it.each(Object.entries(FAILURES))('has the failure %s with its meaning and the next step', (code, failure) => {
    expect(lines).toContain(`| \`${code}\` | ${failure.meaning} | ${failure.next} |`);
  });

  it.each(Object.entries(WARNINGS))('has the warning %s with its meaning', (code, meaning) => {
    expect(lines).toContain(`| \`${code}\` | ${meaning} |`);
  });

  it('has parameters that are known', () => {
    const names = table('parameter').flatMap((row) => row.names.filter((name) => name !== '_'));
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => ruleOf(name) === undefined)).toEqual([]);
  });

  it.each([...PHASES, ...Object.values(SEARCH_ATTRIBUTES)])('names %s', (name) => {
    expect(reference).toContain(`\`${name}\``);
  });
});
