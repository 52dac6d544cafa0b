import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { CliUser } from '../../support/cli.ts';
import { newCliUser } from '../../support/cli.ts';
import type { CliResult } from '../../support/command-process.ts';
import { temporalEnv } from '../../support/real-worker.ts';
import type { Stack } from '../../support/stack.ts';
import { startStack } from '../../support/stack.ts';
import type { OldPlace } from './old-exports.ts';
import { DAY, directoryPlace, makeExport } from './old-exports.ts';

let stack: Stack;
let user: CliUser;
let places: { one: OldPlace; two: OldPlace };
let there: { one: string[]; two: string[] };

beforeAll(async () => {
  stack = await startStack({ workers: false });
  user = await newCliUser();
});
afterAll(async () => {
  await user.leave();
  await stack.close();
});
beforeEach(async () => {
  places = { one: await directoryPlace(), two: await directoryPlace() };
  there = { one: await makeExport(places.one, 'old'), two: await makeExport(places.two, 'old') };
});
afterEach(() => Promise.all(Object.values(places).map((place) => place.stop())));

/** Removes what is old at both destinations, one after the other. */
async function removeAll(path: string, required = false, ...more: string[]): Promise<CliResult> {
  const destinations = Object.fromEntries(
    Object.entries(places).map(([name, { config }]) => [name, { ...config, retention: 'P90D' }]),
  );
  const audit = { destination: { type: 'directory', path }, required };
  const config = { ...stack.config, destinations, audit };
  await writeFile(join(user.folder, 'fhir-bulk-export.yaml'), stringify(config));
  return user.run(['remove-old', '--all', ...more], temporalEnv(stack));
}

test.skipIf(process.platform !== 'linux')('where the audit trail has no room, nothing is removed', async () => {
  const { code, stdout } = await removeAll('/proc');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^one: FAILED: /);
  expect(stdout).toMatch(/\ntwo: FAILED: /);
  for (const name of ['one', 'two'] as const) expect(await places[name].everything()).toEqual(there[name]);
});

test('a trail that has failed at one destination is not tried at the next', async () => {
  const audit = join(user.folder, 'audit');
  await mkdir(audit);
  const month = new Date(Date.now() - 100 * DAY - 3_600_000).toISOString().slice(0, 7);
  await writeFile(join(audit, month), 'no folder');
  const { code, stdout } = await removeAll(audit);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^one: FAILED old .*: audit: /);
  expect(stdout).toMatch(/\ntwo: FAILED: not begun, because of audit: /);
  expect(await places.two.everything()).toEqual(there.two);
});

test('with audit.required, the command must say who removes exports', async () => {
  const { code, stderr } = await removeAll(user.folder, true);
  expect([code, stderr]).toEqual([64, expect.stringContaining('--requested-by')]);
  expect(await places.one.everything()).toEqual(there.one);
  expect(await removeAll(user.folder, true, '--dry-run')).toMatchObject({ code: 0 });
  expect(await removeAll(user.folder, true, '--requested-by', 'platform team')).toMatchObject({ code: 0 });
  expect(await places.one.everything()).toEqual([]);
});
