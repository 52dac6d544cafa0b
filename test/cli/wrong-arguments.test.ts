import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { CliUser } from '../support/cli.ts';
import { newCliUser } from '../support/cli.ts';

const URL = 'http://127.0.0.1:9/fhir';
const CONFIG = { BULK_EXPORT_CONFIG: 'good.yaml' };

let user: CliUser;
/** A service that must not be connected to. */
const service = createServer((socket) => {
  connections += 1;
  socket.destroy();
});
let connections = 0;
let address: string;

beforeAll(async () => {
  user = await newCliUser();
  const file = (name: string, content: object) => writeFile(join(user.folder, name), stringify(content));
  const destinations = { local: { type: 'directory', path: './lake' } };
  await file('good.yaml', { servers: { hospital: { baseUrl: URL } }, destinations });
  await file('bad.yaml', { servers: 5, destinations });
  await file('a-file', {});
  await mkdir(join(user.folder, 'a-folder'));
  await once(service.listen(0, '127.0.0.1'), 'listening');
  address = `127.0.0.1:${(service.address() as AddressInfo).port}`;
});
afterAll(async () => {
  service.close();
  await user?.leave();
});

/** A command line, words of its message, and what the environment says; exit code 1 where no argument is wrong. */
type Wrong = [line: string[], message: string, more?: { env?: NodeJS.ProcessEnv; code?: number }];

const NOT_IN_PROC: Wrong = [['export', URL, '--out', '/proc/none/x'], "mkdir '/proc/none'", { code: 1 }];
const OF_EXPORTS: Wrong[] = [
  [['export', URL, '--type', 'Patiens'], '"Patiens" is not a FHIR resource type'],
  [['export', URL, '--since', 'yesterday'], '_since: "yesterday" must be a FHIR instant'],
  [['export', URL, '--param', 'foo'], 'foo: write NAME=VALUE'],
  [['export', URL, '--group', 'a', '--system'], 'Give one of --group, --patient-level and --system.'],
  [['export', URL, '--group', '..'], 'groupId: must not be "." or ".."'],
  [['export', URL, '--operation', 'davinci-data-export'], 'has no level "patient", use group'],
  [['export', URL, '--deadline', 'soon'], 'deadline: must be an ISO 8601 duration'],
  [['export', URL, '--id', ''], 'It is empty.'],
  [['export', URL, '--id', 'a/b c'], 'It must not contain a slash.'],
  [['export', URL, '--out', ''], '--out is empty'],
  [['export', URL, '--out', 's3://bucket/x'], '--out s3://bucket/x is a URL: a bucket is a destination of type s3'],
  [['export', URL, '--out', '~/x'], "--out ~/x: nothing here replaces '~', so write $HOME/x"],
  [
    ['export', `${URL}/Patient/$export`],
    `${URL}/Patient/$export is the URL of a kick-off; write the base alone, ${URL}`,
  ],
  [['export', URL, '--out', 'a', '--destination', 'b'], 'Give --out or --destination, not both.'],
  [['export', URL, '--out', 'a-file'], 'a part of the path is a file', { code: 1 }],
  // It is there, and takes nothing, also of an administrator.
  ...(process.platform === 'linux' ? [NOT_IN_PROC] : []),
  [['export', URL, '--out', 'a-folder', '--path', '../x'], '--path must not contain ".."'],
  [['export', URL, '--path', 'x', '--again'], '--again chooses a folder of its own'],
  [['export', 'ftp://fhir.example.org'], 'ftp://fhir.example.org must be https'],
  [['export', 'http://'], 'must be a URL such as'],
  [['export', 'fhir.example.org/r4'], 'a URL begins with https://'],
  [['export', 'other'], 'no server "other"; it has hospital', { env: CONFIG }],
  [['export', 'hospital', '--destination', 'b'], 'no destination "b"; it has local', { env: CONFIG }],
  [['export', 'hospital', '--config', 'none.yaml'], 'none.yaml cannot be read', { code: 1 }],
  [['export', URL, '--config', 'none.yaml'], 'none.yaml cannot be read', { code: 1 }],
  [['export', URL], 'servers: must be a mapping', { env: { BULK_EXPORT_CONFIG: 'bad.yaml' }, code: 1 }],
  [['export', 'hospital', '--config', 'bad.yaml'], 'servers: must be a mapping', { code: 1 }],
  [['export', URL], 'BULK_EXPORT_ENCRYPTION_KEYS', { env: { BULK_EXPORT_ENCRYPTION_KEYS: 'none' }, code: 1 }],
  [['export', URL], 'BULK_EXPORT_TASK_QUEUE', { env: { BULK_EXPORT_TASK_QUEUE: 'a b' }, code: 1 }],
  [['export', URL], 'BULK_EXPORT_TRACES', { env: { BULK_EXPORT_TRACES: 'none' }, code: 1 }],
  [['export', URL], 'LOG_LEVEL', { env: { LOG_LEVEL: 'loud' }, code: 1 }],
];

const OF_CHECKS: Wrong[] = [
  [['check', URL], 'Only an entry of the configuration can be checked'],
  [['check', 'hospital', '--types', 'x.rs system/*'], '_type: "x.rs system/*" is not a FHIR resource type'],
  [['check', 'hospital', '--parameter', '_since=yesterday'], 'parameters._since: "yesterday"'],
  [['check', 'hospital', '--level', 'everything'], 'level: must be one of system, patient, group'],
  [['check', 'hospital', 'download'], 'too many arguments: download'],
  [['check', 'hospital', 'other', '--attachments', 'download'], 'too many arguments: other'],
  [['check', 'hospital', '--system', '--group', 'a'], 'Give one of --group'],
  [['check', 'hospital', '--destination', ''], 'destination.name: must not be empty'],
];

const OF_OTHERS: Wrong[] = [
  [['list', '--limit', 'many'], 'It must be a whole number from 1'],
  [['watch', ''], 'It is empty.'],
  [['pause', 'x', '--what', 'all-of-it'], 'Allowed choices are polls, downloads, all.'],
  [['set-concurrency', 'x', '65'], 'It must be a whole number from 1 to 64.'],
  [['retry', 'x', ''], 'It is empty.'],
  [['retry', 'x', ...Array.from({ length: 101 }, (_, number) => `${number}.ndjson`)], 'more than 100 names'],
  [['finish-incomplete', 'x', '--reason', ''], 'It is empty.'],
  [['finish-incomplete', 'x', '--reason', 'a'.repeat(501)], 'more than 500 characters'],
  [['serve', 'a-folder', '--port', '65536'], 'It must be a whole number from 0 to 65535.'],
  [['codec-server', '--port', 'http'], 'It must be a whole number from 0 to 65535.'],
];

const OF_SCHEDULES: Wrong[] = [
  [['schedule', 'create', '', 'hospital', '--every', '1d'], 'It is empty.'],
  [['schedule', 'create', 'a/b', 'hospital', '--every', '1d'], 'It must not contain a slash.'],
  [['schedule', 'create', 'nightly', 'hospital', '--every', 'day'], '--every day: write a time'],
  [['schedule', 'create', 'nightly', 'hospital', '--cron', '0 2 *'], 'write five fields'],
  [['schedule', 'create', 'nightly', 'hospital', '--cron', '0 0 2 * * *'], 'write five fields'],
  [['schedule', 'create', 'nightly', 'hospital', '--cron', '0 0 2 * * * *'], 'write five fields'],
  [['schedule', 'create', 'nightly', 'hospital'], 'Give --cron or --every'],
  [['schedule', 'create', 'nightly', 'hospital', '--every', '1d', '--type', 'Patiens'], 'is not a FHIR resource type'],
  [['schedule', 'create', 'nightly', URL, '--every', '1d'], 'give the name of a server'],
  [['schedule', 'create', 'nightly', 'hospital', '--every', '1d', '--destination', ''], '--destination is empty'],
  [['schedule', 'pause', ''], 'It is empty.'],
];

describe('without a configured service no embedded one is started', () => {
  test.each([...OF_EXPORTS, ...OF_CHECKS, ...OF_OTHERS, ...OF_SCHEDULES].map(titled))(
    '%s',
    async (_, line, message, { env = {}, code = 64 } = {}) => {
      const before = await readdir(user.folder);
      const base = line[0] === 'check' ? CONFIG : {};
      expect(await user.quick(line, { ...base, ...env })).toMatchObject({
        code,
        stdout: '',
        stderr: expect.stringContaining(message),
      });
      // No state of a server, no log, no export's folder.
      expect(await readdir(user.folder)).toEqual(before);
    },
  );
});

describe('a configured service is not connected to', () => {
  // What is wrong there with a worker's own configuration is another thing.
  const wrong = [...OF_EXPORTS, ...OF_CHECKS.slice(-2), ...OF_SCHEDULES].filter(([, , more]) => more === undefined);
  test.each(wrong.map(titled))('%s', async (_, line, message) => {
    const before = connections;
    expect(await user.quick(line, { TEMPORAL_ADDRESS: address })).toMatchObject({
      code: 64,
      stderr: expect.stringContaining(message),
    });
    expect(connections).toBe(before);
  });
});

function titled(wrong: Wrong): [title: string, ...Wrong] {
  return [wrong[0].join(' ').slice(0, 80), ...wrong];
}
