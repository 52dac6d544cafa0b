import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig, parseConfig } from '../src/config.ts';
import { FILE, yaml, parse, faults } from './config/parsed.ts';

describe('a configuration', () => {
  test('names search attributes that are there', () => {
    const text = (list: string) => `${yaml('')}searchAttributes: ${list}\n`;
    expect(parseConfig(text('[ExportPhase]'), FILE).searchAttributes).toEqual(['ExportPhase']);
    expect(faults(text('[FhirServer, Phase]'))).toEqual([
      'line 5: searchAttributes.1: must be one of FhirServer, ExportPhase, ExportLevel, ExportOutcome',
    ]);
    expect(faults(text('FhirServer'))).toEqual(['line 5: searchAttributes: must be a list']);
  });

  test('has defaults', () => {
    expect(parse('')).toEqual({
      servers: {
        'hospital-a': {
          baseUrl: 'https://a.example/r4',
          auth: { type: 'none' },
          fileOrigins: [],
          profile: 'generic',
          checks: 'fast',
          headers: {},
        },
      },
      destinations: { local: { type: 'directory', path: '/etc/export/exports' } },
    });
  });

  test('may say everything', () => {
    const text = `
servers:
  hospital-a:
    baseUrl: https://fhir.hospital-a.example/r4
    auth: { type: smart-backend, clientId: abc, privateKeyFile: ./hospital-a.jwk.json }
    fileOrigins: [https://files.hospital-a.example, "https://b.example:8443/ignored/path"]
    maxConcurrentDownloads: 64
    kickOffMethod: post
    checks: full
    headers: { Epic-Client-ID: abc }
    tls: { caFile: ca.pem, certFile: ../c.pem, keyFile: /k.pem }
    proxy: http://proxy.example:3128
    proxyCredentialsFile: proxy.txt
  local.test_2: { baseUrl: "http://localhost:8080/fhir//" }
destinations:
  local: { type: directory, path: /data/exports }
  lake: { type: s3, bucket: lake, prefix: raw, region: eu-central-1, endpoint: "http://127.0.0.1:9000", forcePathStyle: true }
`;
    expect(parseConfig(text, FILE)).toMatchObject({
      servers: {
        'hospital-a': {
          auth: { privateKeyFile: '/etc/export/hospital-a.jwk.json' },
          fileOrigins: ['https://files.hospital-a.example', 'https://b.example:8443'],
          maxConcurrentDownloads: 64,
          kickOffMethod: 'post',
          checks: 'full',
          headers: { 'Epic-Client-ID': 'abc' },
          tls: { caFile: '/etc/export/ca.pem', certFile: '/etc/c.pem', keyFile: '/k.pem' },
          proxy: 'http://proxy.example:3128',
          proxyCredentialsFile: '/etc/export/proxy.txt',
        },
        'local.test_2': { baseUrl: 'http://localhost:8080/fhir' },
      },
      destinations: { local: { path: '/data/exports' }, lake: { type: 's3', forcePathStyle: true } },
    });
  });

  test.each([
    ['smart-backend', 'clientId: abc', 'privateKey'],
    [
      'smart-backend',
      'clientId: abc, keyId: k, jku: https://a.example/jwks, tokenUrl: https://a.example/t, scope: system/*.rs',
      'privateKey',
    ],
    ['client-secret', 'clientId: abc, tokenUrl: https://a.example/t', 'clientSecret'],
    ['client-secret', 'clientId: abc, tokenUrl: https://a.example/t, scope: system/Patient.rs', 'clientSecret'],
    ['basic', 'username: u', 'password'],
    ['bearer', '', 'token'],
  ])('has auth of type %s { %s } with a %s from a file or the environment', (type, fields, secret) => {
    const auth = (more: string): object | undefined =>
      parse(`auth: { type: ${type}, ${fields}${fields === '' ? '' : ', '}${more} }`).servers['hospital-a']?.auth;
    expect(auth(`${secret}Env: SECRET`)).toMatchObject({ type, [`${secret}Env`]: 'SECRET' });
    expect(auth(`${secret}File: keys/a`)).toMatchObject({ type, [`${secret}File`]: '/etc/export/keys/a' });
    expect(auth(`${secret}File: /keys/a`)).toMatchObject({ [`${secret}File`]: '/keys/a' });
    expect(auth(`${secret}File: ../a`)).toMatchObject({ [`${secret}File`]: '/etc/a' });

    const one = `line 2: servers.hospital-a.auth: must have exactly one of ${secret}File and ${secret}Env`;
    const wrong = (more: string): string[] => faults(yaml(`auth: { type: ${type}, ${fields}${more} }`));
    const both = `${fields === '' ? '' : ', '}${secret}File: x, ${secret}Env: y`;
    expect(wrong('')).toEqual([one]);
    expect(wrong(both)).toEqual([one]);
    // Never the secret itself, and never its value in a message.
    const literal = wrong(`${fields === '' ? '' : ', '}${secret}: hunter2`);
    expect(literal).toContain(
      `line 2: servers.hospital-a.auth.${secret}: secrets are not written here; use ${secret}File or ${secret}Env`,
    );
    expect(literal.join()).not.toMatch(/hunter2/);
  });

  test('may have an auth of type none, and shares it by anchor', () => {
    const text = yaml('auth: &a { type: bearer, tokenFile: t }').replace(
      'destinations',
      '  b: { baseUrl: https://b.example, auth: *a }\ndestinations',
    );
    expect(parse('auth: { type: none }').servers['hospital-a']?.auth).toEqual({ type: 'none' });
    expect(parseConfig(text, FILE).servers['b']?.auth).toEqual({ type: 'bearer', tokenFile: '/etc/export/t' });
  });

  test.each(['http://localhost:1/fhir', 'http://127.0.0.1', 'http://127.8.9.10/x', 'http://[::1]:8080'])(
    'may have a baseUrl on loopback: %s',
    (url) => {
      expect(
        faults(`servers: { a: { baseUrl: "${url}" } }\ndestinations: { d: { type: directory, path: x } }`),
      ).toEqual([]);
    },
  );
});

describe('the file', () => {
  let folder: string;
  const before = process.env['BULK_EXPORT_CONFIG'];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'config-'));
  });
  afterEach(async () => {
    if (before === undefined) delete process.env['BULK_EXPORT_CONFIG'];
    else process.env['BULK_EXPORT_CONFIG'] = before;
    await rm(folder, { recursive: true });
  });

  test('gives the folder of relative paths, wherever the worker was started', async () => {
    const file = join(folder, 'own.yaml');
    await writeFile(file, yaml('auth: { type: bearer, tokenFile: ./t }'));
    const config = await loadConfig(file);
    expect(config.destinations['local']).toEqual({ type: 'directory', path: join(folder, 'exports') });
    expect(config.servers['hospital-a']?.auth).toEqual({ type: 'bearer', tokenFile: join(folder, 't') });
  });

  test('is named by BULK_EXPORT_CONFIG', async () => {
    process.env['BULK_EXPORT_CONFIG'] = join(folder, 'own.yaml');
    await writeFile(join(folder, 'own.yaml'), yaml(''));
    expect(Object.keys((await loadConfig()).servers)).toEqual(['hospital-a']);
  });

  test('that cannot be read is named, with what to do', async () => {
    const file = join(folder, 'none.yaml');
    await expect(loadConfig(file)).rejects.toThrow(
      `No configuration: ${file} cannot be read (ENOENT). Create it (docs/reference.md, "Configuration") ` +
        'or name another file in BULK_EXPORT_CONFIG.',
    );
    await expect(loadConfig(folder)).rejects.toThrow(`${folder} cannot be read (EISDIR)`);
  });
});
