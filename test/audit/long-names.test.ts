import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditEvent } from '../../src/audit/audit-record.ts';
import { AuditTrail } from '../../src/audit/audit-trail.ts';
import { encodeSegment } from '../../src/workflows/default-path.ts';

let path: string;
beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'audit-'));
});
afterAll(() => rm(path, { recursive: true }));

test('a run that is reset leaves its end, however long the id of its workflow is', async () => {
  const trail = await AuditTrail.open({ destination: { type: 'directory', path } });
  const [runId, resetRun] = [randomUUID(), randomUUID()];
  for (const last of ['one', 'other']) {
    const workflowId = `${'東京'.repeat(100)}${last}`;
    const what = { server: 's', level: 'system', location: 'l', parameters: {}, workflowId, runId } as const;
    const name = `2026-11/${encodeSegment(workflowId)}.${runId}`;
    const end: AuditEvent = { ...what, event: 'end', outcome: 'complete' };
    await trail.record({ name }, { ...what, event: 'start' }, {});
    await trail.record({ name }, end, {});
    await trail.record({ name, resetRun }, end, {});
    expect(await trail.hasStart({ name })).toBe(true);
  }
  const names = await readdir(join(path, '2026-11'));
  expect(names).toHaveLength(6);
  const ofReset = names.filter((name) => name.endsWith(`.${runId}.${resetRun}.end.json`));
  const read = async (name: string) => JSON.parse(await readFile(join(path, '2026-11', name), 'utf8')) as AuditEvent;
  const ids = (await Promise.all(ofReset.map(read))).map(({ workflowId }) => workflowId.slice(-5));
  expect(ids.map((id) => id.replace(/^\P{ASCII}+/u, '')).toSorted()).toEqual(['one', 'other']);
});
