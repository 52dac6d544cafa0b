import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { RemovalTrail } from '../../../src/cli/remove-old/removal-trail.ts';
import type { Config } from '../../../src/config.ts';
import { FILES } from '../../../src/export-folder/layout.ts';
import type { RemovalRecord } from '../../../src/export-folder/removal-record.ts';
import { removeExport } from '../../../src/export-folder/remove-export.ts';
import type { Folder } from '../../../src/storage/folder.ts';
import { ALL, DAY, clean, configOf, describeOldExports, find, makeExport, place, removeFrom } from './old-exports.ts';

// Dozens of whole removals, beside other tests.
vi.setConfig({ testTimeout: 300_000 });

const MONTH = new Date(Date.now() - 100 * DAY - 3_600_000).toISOString().slice(0, 7);
const audits: string[] = [];
let audit: string;
beforeEach(async () => {
  audits.push((audit = await mkdtemp(join(tmpdir(), 'audit-'))));
});
afterAll(() => Promise.all(audits.map((path) => rm(path, { recursive: true }))));

function auditedConfig(): Config {
  return { ...configOf(place), audit: { destination: { type: 'directory', path: audit }, required: false } };
}

/** Records in the trail, by their name without the id of the removal. */
async function records(): Promise<Record<string, Record<string, unknown>>> {
  const found: Record<string, Record<string, unknown>> = {};
  for (const name of await readdir(audit, { recursive: true })) {
    if (!name.endsWith('.json')) continue;
    const short = name.replace(/\.[0-9a-f-]{36}\.removal\.json$/, '');
    expect(found).not.toHaveProperty([short]);
    found[short] = JSON.parse(await readFile(join(audit, name), 'utf8')) as Record<string, unknown>;
  }
  return found;
}

const call = { destination: 'lake', retention: 'P90D', requestedBy: 'first', all: true, forgotten: false };
const id = '0000000a-0000-0000-0000-00000000000a';
const owner = { workflowId: 'nightly/a', firstRunId: id, runId: id };

describeOldExports((kind) => {
  test('leave one record of their removal, of the call that began it, wherever that is killed', async () => {
    const config = auditedConfig();
    const told = new Set<unknown>();
    let kills = 0;
    for (let steps = 0; ; steps = kind === 's3' ? steps * 2 + 2 : steps + 1) {
      await makeExport(place, 'old', { owner });
      const found = await find(place, 'old');
      const folder = await place.open('old');
      let left = steps;
      const guardedBy = folder.guardedBy.bind(folder);
      folder.guardedBy = (check) =>
        guardedBy(async () => {
          if (--left < 0) throw new Error('killed');
          await check();
        });
      const trail = (await RemovalTrail.open(config, call)) as RemovalTrail;
      const ended = await removeExport(found, {
        open: async (inside) => (inside === '' ? folder : place.open(`old/${inside}`)),
        objection: async () => undefined,
        order: trail.orderFor(found),
        ended: (removal) => trail.record(removal, folder.location),
      }).catch((error: Error) => error.message);
      const record = await (await place.open('old')).read(FILES.removing);
      const { begun } = JSON.parse(record?.toString() ?? '{}') as Partial<RemovalRecord>;
      if (ended === 'killed') {
        const { about } = await removeFrom(config, { ...ALL, requestedBy: 'second' });
        expect(about['old']).toMatchObject({ kind: 'removed' });
        kills++;
      }
      const requestedBy = ended !== 'killed' || begun === true ? 'first' : 'second';
      expect(await records()).toMatchObject({
        [`${MONTH}/nightly%2Fa.${id}`]: {
          event: 'removal',
          workflowId: owner.workflowId,
          runId: id,
          requestedBy,
          retention: 'P90D',
          all: true,
          baseUrl: 'https://fhir.example/r4',
          destination: 'lake',
          location: folder.location,
          state: 'complete',
          endedAt: new Date(found.endedAt).toISOString(),
        },
      });
      told.add(requestedBy);
      await clean(place);
      await rm(join(audit, MONTH), { recursive: true });
      if (ended !== 'killed') break;
    }
    expect(told).toEqual(new Set(['first', 'second']));
    expect(kills).toBeGreaterThan(kind === 's3' ? 3 : 12);
  });

  test('are recorded, however long the id of the workflow is', async () => {
    const long = { ...owner, workflowId: '東'.repeat(22) };
    await makeExport(place, 'long', { owner: long });
    await makeExport(place, 'other');
    expect((await removeFrom(auditedConfig(), ALL)).about).toMatchObject({
      long: { kind: 'removed' },
      other: { kind: 'removed' },
    });
    expect(Object.values(await records())).toContainEqual(expect.objectContaining({ workflowId: long.workflowId }));
    await clean(place);
  });

  test('are recorded later where the trail fails, and no other is begun until it takes records', async () => {
    const config = auditedConfig();
    await makeExport(place, 'one', { days: 110 });
    const other = await makeExport(place, 'other');
    for (const month of [MONTH, new Date(Date.now() - 110 * DAY - 3_600_000).toISOString().slice(0, 7)]) {
      await writeFile(join(audit, month), 'no folder');
    }
    const { about, summary } = await removeFrom(config, { ...ALL, requestedBy: 'first' });
    expect(about).toMatchObject({
      one: { kind: 'failed', why: expect.stringMatching(/^audit: /) },
      other: { kind: 'failed', why: expect.stringMatching(/^not begun, because of audit: /) },
    });
    expect(summary).toMatchObject({ removed: 0, failed: 2 });
    expect(await place.everything()).toEqual([`one/${FILES.removing}`, ...other].sort());
    await rm(audit, { recursive: true });
    const missing = (await removeFrom(config, ALL)).about;
    expect(missing['']).toMatchObject({ kind: 'failed', why: expect.stringContaining('does not exist') });
    expect((await removeFrom(config, { ...ALL, dryRun: true })).about).toMatchObject({
      other: { kind: 'would-remove' },
    });
    expect(await place.everything()).toEqual([`one/${FILES.removing}`, ...other].sort());
    await mkdir(audit);
    expect((await removeFrom(config, ALL)).summary).toMatchObject({ removed: 2, failed: 0 });
    const recorded = Object.values(await records()).map(({ location, requestedBy }) => [location, requestedBy]);
    expect(new Map(recorded as [string, string][])).toEqual(
      new Map([
        [(await place.open('one')).location, 'first'],
        [(await place.open('other')).location, undefined],
      ]),
    );
    await clean(place);
  });

  test.skipIf(kind === 's3')('keep no order where there is no trail', async () => {
    await makeExport(place, 'plain');
    const folder = await place.open('plain');
    const found = await find(place, 'plain');
    const seen: unknown[] = [];
    const open = async (inside: string): Promise<Folder> => {
      seen.push(JSON.parse((await folder.read(FILES.removing))?.toString() ?? '{}'));
      return place.open(inside === '' ? 'plain' : `plain/${inside}`);
    };
    expect(await removeExport(found, { open, objection: async () => undefined })).toMatchObject({ kind: 'removed' });
    expect(seen.at(-1)).toMatchObject({ begun: true });
    expect(seen.at(-1)).not.toHaveProperty('order');
    await clean(place);
  });
});
