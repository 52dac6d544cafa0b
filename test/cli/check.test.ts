import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createAuthServer, type SampleServer } from '../../dev/sample-server/index.ts';
import type { ServerConfig } from '../../src/config.ts';
import { runCheck } from '../support/check-command.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

let folder: string;
let keyFile: string;
let jwks: JSONWebKeySet;
let stack: Stack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-'));
  keyFile = join(folder, 'key.jwk.json');
  const { stdout } = await run(process.execPath, [CLI, 'make-key', keyFile]);
  jwks = JSON.parse(stdout) as JSONWebKeySet;
  const auth = { type: 'smart-backend', clientId: 'demo-client', privateKeyFile: keyFile } as ServerConfig['auth'];
  stack = await startStack({
    servers: {
      good: { patients: 3, authorization: createAuthServer({ jwks, clockOffset: 120_000 }) },
      narrow: { patients: 3, authorization: createAuthServer({ jwks, scopesAllowed: (asked) => asked.slice(1) }) },
      stranger: { patients: 3, authorization: createAuthServer({}) },
      configured: { patients: 3, authorization: createAuthServer({ jwks }) },
      open: { patients: 3 },
      millennium: { patients: 3 },
      athena: { patients: 3 },
      claims: { patients: 3 },
      limited: { patients: 3 },
      gone: { patients: 3 },
    },
    entries: {
      configured: { auth: { ...auth, scope: 'system/Patient.read' } as typeof auth },
      // Nobody listens there.
      gone: { baseUrl: 'http://127.0.0.1:9/fhir' },
      good: { auth },
      narrow: { auth },
      stranger: { auth },
      athena: { profile: 'athenahealth' },
      claims: { profile: 'bcda' },
      limited: { allow: { groups: ['diabetes'], types: ['Patient'] } },
      millennium: { profile: 'oracle-millennium', allow: { types: ['Condition'] } },
    },
  });
});
afterAll(async () => {
  await stack.close();
  await rm(folder, { recursive: true });
});

const check = (...args: string[]) => runCheck(stack, args);

test('make-key: the private key is for its owner only, the public set has public members only, nothing is overwritten', async () => {
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(keyFile, 'utf8'))).toMatchObject({
    kty: 'EC',
    crv: 'P-384',
    kid: jwks.keys[0]?.kid,
  });
  expect(Object.keys(jwks.keys[0] ?? {}).sort()).toEqual(['alg', 'crv', 'key_ops', 'kid', 'kty', 'use', 'x', 'y']);
  await expect(run(process.execPath, [CLI, 'make-key', keyFile])).rejects.toMatchObject({
    stderr: expect.stringContaining('never overwritten'),
  });
});

test('a server that is all right: every row is ok, the clock is told, nothing is exported', async () => {
  const { code, output } = await check('good');
  expect(output).toMatch(/ok +token endpoint +http.*smart-configuration/);
  expect(output).toMatch(/ok +private key +ES384, kid /);
  expect(output).toMatch(/ok +credentials +a token that lives 60 s/);
  expect(output).toMatch(/warning +clock +the server's is 1[12]\d s ahead/);
  expect(output).toMatch(/ok +CapabilityStatement +FHIR 4\.0\.1, exports: system \$export \(IG 3\), patient/);
  expect(output).toMatch(/ok +destination local/);
  expect(code).toBe(0);
  const server = stack.servers['good'] as SampleServer;
  expect(server.journal.some(({ route }) => route === 'kickOff')).toBe(false);
  expect((await readdir(stack.folder)).filter((name) => name.startsWith('check'))).toEqual([]);
});

test('scopes that are not granted are named, with the fix', async () => {
  const { code, output } = await check('narrow', '--types', 'Observation,Patient');
  expect(output).toMatch(
    /warning +scopes +asked for "system\/Observation.rs system\/Patient.rs", not granted: Observation/,
  );
  expect(output).toContain('→ Have the scopes registered');
  expect(code).toBe(0);
});

test('a configured scope that covers less than the export is named, with the fix', async () => {
  const { output } = await check('configured', '--types', 'Observation,Patient');
  expect(output).toMatch(/warning +scopes +asked for "system\/Patient.read", not in the configured scope: Observation/);
  expect(output).toContain('→ Widen auth.scope');
});

test('a client that the server does not know fails, with the fix', async () => {
  const { code, output } = await check('stranger');
  expect(output).toMatch(/FAILED +credentials +AuthorizationFailed: .*invalid_client/);
  expect(output).toContain('docs/authorization.md');
  expect(code).toBe(1);
});

test('a server that nobody answers at fails, with the fix', async () => {
  const { code, output } = await check('gone');
  expect(output).toMatch(/FAILED +CapabilityStatement +127\.0\.0\.1:9: ECONNREFUSED/);
  expect(output).toContain('→ Check baseUrl, and whether the workers reach it');
  expect(code).toBe(1);
});

test('a server that answers, but has no CapabilityStatement, may be exported from', async () => {
  const faults = stack.servers['open']?.faults;
  faults?.add({ route: 'metadata', times: Infinity, do: { kind: 'answer', status: 503 } });
  const { code, output } = await check('open');
  expect(output).toMatch(/warning +CapabilityStatement +HTTP 503/);
  expect(code).toBe(0);
  faults?.clear();
});

test('the profile that the CapabilityStatement suggests is named, with the fix', async () => {
  stack.servers['open']?.faults.add({
    route: 'metadata',
    times: Infinity,
    do: {
      kind: 'answer',
      status: 200,
      body: JSON.stringify({
        resourceType: 'CapabilityStatement',
        software: { name: 'Epic' },
        rest: [{ resource: [{ type: 'Group', operation: [{ name: 'davinci-data-export', definition: 'x' }] }] }],
      }),
    },
  });
  const { code, output } = await check('open');
  expect(output).toMatch(/warning +profile +generic; the CapabilityStatement looks like Epic/);
  expect(output).toContain('→ Set profile: epic for this server');
  expect(output).toMatch(/CapabilityStatement .*exports: group \$davinci-data-export/);
  expect(code).toBe(0);
  stack.servers['open']?.faults.clear();
  expect((await check('open')).output).toMatch(/ok +profile +generic/);
});

test('a profile that the CapabilityStatement does not show is told, whichever it is', async () => {
  const body = JSON.stringify({ resourceType: 'CapabilityStatement', software: { name: 'Epic' } });
  stack.servers['athena']?.faults.add({
    route: 'metadata',
    times: Infinity,
    do: { kind: 'answer', status: 200, body },
  });
  const { code, output } = await check('athena');
  expect(output).toMatch(/warning +profile +athenahealth; the CapabilityStatement looks like Epic/);
  expect(code).toBe(0);
  stack.servers['athena']?.faults.clear();
  expect((await check('athena')).output).toMatch(/ok +profile +athenahealth; it is not known how/);
  expect((await check('claims')).output).toMatch(
    /warning +profile +bcda; the CapabilityStatement does not look like BCDA/,
  );
  stack.servers['claims']?.faults.add({ route: 'metadata', times: Infinity, do: { kind: 'answer', status: 404 } });
  expect((await check('claims')).output).toMatch(/ok +profile +bcda; there is no CapabilityStatement/);
  stack.servers['claims']?.faults.clear();
});

test('another entry of the same server is told, because each counts its own exports only', async () => {
  const { claims } = stack.config.servers;
  onTestFinished(() => void delete stack.config.servers['claims-b']);
  stack.config.servers['claims-b'] = { ...(claims as ServerConfig), allow: { groups: ['b'] } };
  const { code, output } = await check('claims-b');
  expect(output).toMatch(/warning +other entries +"claims" is the same server, and maxConcurrentExports of each entry/);
  expect(code).toBe(0);
  expect((await check('millennium')).output).not.toContain('other entries');
});

test('what a planned request asks for in vain is named, each with its reason', async () => {
  const wanted = ['--types', 'Location', '--parameter', '_elements=id', '--parameter', '_elements=name'];
  const { code, output } = await check('millennium', '--level', 'group', ...wanted);
  expect(output).toMatch(
    /FAILED +request +parameters._elements: this server cannot do it \(as https:\/\/docs\.oracle\.com/,
  );
  expect(output).toMatch(/FAILED +allowed +parameters._type: Location is not allowed, only Condition/);
  expect(output).toMatch(
    /FAILED +request +parameters._type: this server exports Location only together with other types/,
  );
  expect(code).toBe(1);
  expect((await check('millennium', '--types', 'Condition')).output).toMatch(/ok +request/);
});

test('without a wish, what the server does and the configuration allows is checked', async () => {
  for (const [name, level] of [
    ['athena', 'group'],
    ['claims', 'patient'],
    ['millennium', 'group'],
    ['limited', 'group "diabetes"'],
    ['open', 'system'],
  ] as const) {
    const { code, output } = await check(name);
    expect(output).toMatch(new RegExp(`ok +request +level ${level}: nothing is known`));
    expect(code).toBe(0);
  }
});

test('groups that are not allowed are named, and levels where only groups are', async () => {
  expect((await check('limited', '--level', 'system')).output).toMatch(/FAILED +allowed +level: "system" is not/);
  const { code, output } = await check('limited', '--group', 'asthma');
  expect(output).toMatch(/FAILED +allowed +groupId: "asthma" is not allowed/);
  expect(code).toBe(1);
  const patients = await check('limited', '--group', 'diabetes', '--parameter', 'patient=1');
  expect(patients.output).toMatch(/FAILED +allowed +parameters.patient: is not allowed/);
});

test('an exportType that no known guide has is a warning', async () => {
  const payer = ['--operation', 'davinci-data-export', '--parameter'];
  const { code, output } = await check('open', ...payer, 'exportType=hl7.fhir.us.davinci-pdex#own');
  expect(output).toMatch(/warning +request +parameters.exportType: "hl7[^"]*" is not in the guides/);
  expect(code).toBe(0);
  expect((await check('open', ...payer, 'exportType=hl7.fhir.us.davinci-atr')).output).toMatch(
    /ok +request +level group/,
  );
});

test('a payer that is not told what the data is for may send lists only: a warning', async () => {
  const { code, output } = await check('open', '--operation', 'davinci-data-export');
  expect(output).toMatch(/warning +request +parameters\.exportType: is missing; a payer may then export no more than/);
  expect(code).toBe(0);
});

test('a server without authorization, and one that is not configured', async () => {
  expect((await check('open')).output).toMatch(/ok +authorization +none is configured/);
  expect(await check('nowhere')).toMatchObject({ code: 1, output: expect.stringContaining('UnknownServer') });
});
