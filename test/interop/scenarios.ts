import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportReport, ExportRequest } from '../../src/contract.ts';
import { compare, readExport } from './compare.ts';
import { load, search } from './fhir-client.ts';
import type { Resource } from './hospital.ts';
import { FILTERED_FAMILY, GROUP, letterText, makeNews } from './hospital.ts';
import { cancelWhileWaiting, pollEarly, run } from './runs.ts';
import type { Stage } from './stage.ts';
import { SERVERS } from './stage.ts';

/** One kind of export; it throws when something is not as HAPI's search API has it. */
export interface Scenario {
  name: string;
  /** Returns what was exported, when something was. */
  execute(stage: Stage): Promise<ExportReport | undefined>;
}

const CHOSEN = ['Patient/patient-1', 'Patient/patient-7', 'Patient/patient-8'];
const PATIENT_TYPES = ['Patient', 'Condition', 'Observation', 'DocumentReference'];

/** The order matters: what is loaded on the way is part of later exports. */
export const SCENARIOS: readonly Scenario[] = [
  ...(['get', 'post'] as const).flatMap((method): Scenario[] => [
    exportOf(`system, every type, ${method}`, { server: SERVERS[method], level: 'system' }, (stage) =>
      // HAPI leaves Binary out, though its search finds some.
      searchAll(stage, [...PATIENT_TYPES, 'Group']),
    ),
    exportOf(`patient, ${method}`, { server: SERVERS[method], level: 'patient' }, (stage) =>
      searchAll(stage, PATIENT_TYPES),
    ),
    exportOf(`group, ${method}`, { server: SERVERS[method], level: 'group', groupId: GROUP }, searchGroup),
    exportOf(
      `_type list, ${method}`,
      { server: SERVERS[method], level: 'system', parameters: { _type: ['Patient', 'Condition'] } },
      (stage) => searchAll(stage, ['Patient', 'Condition']),
    ),
    exportOf(
      `_typeFilter beyond ASCII and with commas, ${method}`,
      {
        server: SERVERS[method],
        level: 'system',
        parameters: {
          _type: ['Patient', 'Observation'],
          _typeFilter: [`Patient?family=${FILTERED_FAMILY}`, 'Observation?category=laboratory,vital-signs'],
        },
      },
      async ({ baseUrl }) => [
        ...(await search(baseUrl, `Patient?family=${encodeURIComponent(FILTERED_FAMILY)}`)),
        ...(await search(baseUrl, 'Observation?category=laboratory,vital-signs')),
      ],
    ),
    { name: `_since, ${method}`, execute: (stage) => exportNews(stage, SERVERS[method]) },
  ]),
  exportOf(
    'patient list, post',
    { server: SERVERS.post, level: 'patient', parameters: { _type: ['Patient', 'Condition'], patient: CHOSEN } },
    async (stage) => (await searchAll(stage, ['Patient', 'Condition'])).filter(isOf(new Set(CHOSEN))),
  ),
  { name: 'attachments', execute: exportLetters },
  { name: 'Retry-After: 120 and pollNow', execute: pollEarly },
  { name: 'cancel', execute: cancelWhileWaiting },
];

function exportOf(name: string, request: ExportRequest, expected: (stage: Stage) => Promise<Resource[]>): Scenario {
  return {
    name,
    execute: async (stage) => {
      const report = await run(stage, request);
      const resources = await expected(stage);
      assert.ok(resources.length > 0, 'something is expected');
      compare(await readExport(report.location), resources);
      return report;
    },
  };
}

async function searchAll({ baseUrl }: Stage, types: readonly string[]): Promise<Resource[]> {
  const found = await Promise.all(types.map((type) => search(baseUrl, type)));
  return found.flat();
}

/** The group itself, its members, and what is theirs. */
async function searchGroup({ baseUrl }: Stage): Promise<Resource[]> {
  const [group] = (await search(baseUrl, `Group?_id=${GROUP}`)) as [Resource & { member: Member[] }];
  const members = new Set(group.member.map(({ entity }) => entity.reference));
  const found = await searchAll({ baseUrl } as Stage, PATIENT_TYPES);
  return [group, ...found.filter(isOf(members))];
}

/** Whether a resource is one of some patients, or about one. */
function isOf(patients: ReadonlySet<string>): (resource: Resource) => boolean {
  return (resource) =>
    patients.has(`${resource.resourceType}/${resource.id}`) ||
    patients.has((resource['subject'] as { reference?: string } | undefined)?.reference ?? '');
}

interface Member {
  entity: { reference: string };
}

/** Only what changed since the transactionTime of an export. */
async function exportNews(stage: Stage, server: string): Promise<ExportReport> {
  const { transactionTime } = await run(stage, { server, level: 'system', parameters: { _type: 'Patient' } });
  const news = makeNews().map((resource) => ({ ...resource, language: server }));
  await load(stage.baseUrl, news);
  const parameters = { _type: ['Patient', 'Observation'], _since: transactionTime };
  const report = await run(stage, { server, level: 'system', parameters });
  const wanted = new Set(news.map(({ id }) => id));
  const found = (await searchAll(stage, ['Patient', 'Observation'])).filter(({ id }) => wanted.has(id));
  compare(await readExport(report.location), found);
  return report;
}

/** HAPI keeps the letters as Binary resources; the text must come out. */
async function exportLetters(stage: Stage): Promise<ExportReport> {
  const parameters = { _type: 'DocumentReference' };
  const report = await run(stage, { server: SERVERS.get, level: 'system', parameters, attachments: 'download' });
  const index = await readFile(join(report.location, 'attachments/index.ndjson'), 'utf8');
  const rows = index
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { file: string });
  const texts = await Promise.all(rows.map(({ file }) => readFile(join(report.location, file), 'utf8')));
  assert.deepEqual(texts.sort(), rows.map((_, number) => letterText(number)).sort());
  return report;
}
