import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig, parseConfig } from '../src/config.ts';
import type { Config } from '../src/config.ts';

const FILE = '/etc/export/fhir-bulk-export.yaml';

function yaml(server: string, destination = 'type: directory, path: ./exports'): string {
  return `servers:\n  hospital-a: { baseUrl: https://a.example/r4, ${server} }\ndestinations:\n  local: { ${destination} }\n`;
}

function parse(server: string, destination?: string): Config {
  return parseConfig(yaml(server, destination), FILE);
}

/** The faults of a text, without the line that introduces them. */
function faults(text: string): string[] {
  try {
    parseConfig(text, FILE);
    return [];
  } catch (error) {
    const [title, ...lines] = (error as Error).message.split('\n');
    const number = lines.length === 1 ? 'a fault' : `${lines.length} faults`;
    expect(title).toBe(`${FILE} has ${number}:`);
    return lines.map((line) => line.replace(/^ {2}/, ''));
  }
}

describe('a configuration', () => {
  test('names search attributes that are there', () => {
    const text = (list: string) => `${yaml('')}searchAttributes: ${list}\n`;
    expect(parseConfig(text('[ExportPhase]'), FILE).searchAttributes).toEqual(['ExportPhase']);
    expect(faults(text('[FhirServer, Phase]'))).toEqual([
      'line 5: searchAttributes.1: must be one of FhirServer, ExportPhase',
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
          maxConcurrentDownloads: 8,
          kickOffMethod: 'auto',
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

describe('a fault is named with its place', () => {
  const TYPES = 'must have a type: smart-backend, client-secret, basic, bearer or none';
  const LOOPBACK = 'must be https: (http: is allowed on loopback only)';
  const PROXY = 'must be a URL such as http://proxy.example:3128, without a user name';
  const NAMES = 'names have letters, digits, "-", "_" and ".", at most 64';

  test.each([
    ['fileOrigins: https://b.example', 'fileOrigins: must be a list of origins'],
    ['fileOrigins: [http://b.example]', `fileOrigins.0: ${LOOPBACK}`],
    ['fileOrigins: [https://b.example, b.example]', 'fileOrigins.1: must be a URL such as https://fhir.example/r4'],
    ['maxConcurrentDownloads: 0', 'maxConcurrentDownloads: must be 1 to 64'],
    ['maxConcurrentDownloads: 65', 'maxConcurrentDownloads: must be 1 to 64'],
    ['maxConcurrentDownloads: 1.5', 'maxConcurrentDownloads: must be a whole number'],
    ['maxConcurrentDownloads: "8"', 'maxConcurrentDownloads: must be a number'],
    ['kickOffMethod: GET', 'kickOffMethod: must be auto, get or post'],
    ['checks: all', 'checks: must be fast or full'],
    ['headers: x', 'headers: must be a mapping'],
    ['headers: [x]', 'headers: must be a mapping'],
    ['headers: { "a b": x }', 'headers.a b: is no header name'],
    ['headers: { a: 5 }', 'headers.a: must be text'],
    ['headers: { a: "x\\r\\nb: y" }', 'headers.a: must be printable ASCII'],
    ['tls: x', 'tls: must be a mapping'],
    ['tls: [x]', 'tls: must be a mapping'],
    ['tls: { ca: x }', 'tls.ca: unknown field, remove it'],
    ['tls: { certFile: x }', 'tls: must have both certFile and keyFile, or neither'],
    ['tls: { keyFile: x }', 'tls: must have both certFile and keyFile, or neither'],
    ['proxy: proxy.example', `proxy: ${PROXY}`],
    ['proxy: socks://proxy.example', `proxy: ${PROXY}`],
    ['proxy: "http://user@proxy.example"', `proxy: ${PROXY}`],
    ['proxy: "http://:hunter2@proxy.example"', `proxy: ${PROXY}`],
    ['headers: { Authorization: hunter2 }', 'headers.Authorization: is not set here; use auth'],
    ['headers: { proxy-authorization: hunter2 }', 'headers.proxy-authorization: is not set here; use auth'],
    ['stallSeconds: 0', 'stallSeconds: must be 1 to 3600'],
    ['stallSeconds: 3601', 'stallSeconds: must be 1 to 3600'],
    ['stallSeconds: "60"', 'stallSeconds: must be a number'],
    ['auth: none', `auth: ${TYPES}`],
    ['auth: null', `auth: ${TYPES}`],
    ['auth: { clientId: x }', `auth.type: is missing, ${TYPES}`],
    ['auth: { type: oauth }', `auth.type: ${TYPES}`],
    ['auth: { type: none, clientId: x }', 'auth.clientId: unknown field, remove it'],
    ['auth: { type: basic, passwordEnv: P }', 'auth.username: is missing'],
    ['auth: { type: basic, username: "", passwordEnv: P }', 'auth.username: must not be empty'],
    ['auth: { type: client-secret, clientId: x, clientSecretEnv: S }', 'auth.tokenUrl: is missing'],
    [
      'auth: { type: client-secret, clientId: x, clientSecretEnv: S, tokenUrl: "http://a.example" }',
      `auth.tokenUrl: ${LOOPBACK}`,
    ],
    ['auth: { type: bearer, tokenEnv: 5 }', 'auth.tokenEnv: must be text'],
    ['baseURL: https://a.example', 'baseURL: unknown field, remove it'],
    ['password: hunter2', 'password: secrets are not written here; use passwordFile or passwordEnv'],
  ])('server with %s', (server, fault) => {
    expect(faults(yaml(server))).toEqual([`line 2: servers.hospital-a.${fault}`]);
  });

  test.each([
    ['http://a.example', LOOPBACK],
    ['http://localhost.a.example', LOOPBACK],
    ['http://128.0.0.1', LOOPBACK],
    ['ftp://a.example', 'must be https:'],
    ['a.example/fhir', 'must be a URL such as https://fhir.example/r4'],
    ['https://user:hunter2@a.example', 'must not contain a user name or password; use auth'],
    ['https://a.example/?key=x', 'must not contain "?" or "#"'],
    ['https://a.example/#x', 'must not contain "?" or "#"'],
    ['', 'must not be empty'],
  ])('baseUrl "%s"', (url, fault) => {
    const text = `servers:\n  a:\n    baseUrl: "${url}"\ndestinations: { d: { type: directory, path: x } }`;
    expect(faults(text)).toEqual([`line 3: servers.a.baseUrl: ${fault}`]);
  });

  const BUCKET = 'must be the name of a bucket only; what comes behind it goes to prefix';
  const PREFIX = 'must be names with "/" between them, none of them "." or ".."';
  test.each([
    ['path: x', 'type: is missing, must have a type: directory or s3'],
    ['type: gcs, path: x', 'type: must have a type: directory or s3'],
    ['type: directory', 'path: is missing'],
    ['type: directory, path: ""', 'path: must not be empty'],
    ['type: directory, path: x, bucket: y', 'bucket: unknown field, remove it'],
    ['type: s3', 'bucket: is missing'],
    ['type: s3, bucket: x, endpoint: "http://s3.example"', `endpoint: ${LOOPBACK}`],
    ['type: s3, bucket: x, forcePathStyle: 1', 'forcePathStyle: must be true or false'],
    ['type: s3, bucket: "s3://x/raw"', `bucket: ${BUCKET}`],
    ['type: s3, bucket: x/raw', `bucket: ${BUCKET}`],
    ['type: s3, bucket: x, prefix: a/../b', `prefix: ${PREFIX}`],
    ['type: s3, bucket: x, prefix: a//b', `prefix: ${PREFIX}`],
    ['type: s3, bucket: x, prefix: ./a', `prefix: ${PREFIX}`],
    ['type: s3, bucket: x, secretAccessKey: hunter2', 'secretAccessKey: unknown field, remove it'],
  ])('destination { %s }', (destination, fault) => {
    expect(faults(yaml('', destination))).toEqual([`line 4: destinations.local.${fault}`]);
  });

  test.each([
    ['raw', 'raw'],
    ['/raw/fhir//', 'raw/fhir'],
    ['/', ''],
  ])('the prefix "%s" is taken as "%s"', (given, taken) => {
    const { destinations } = parseConfig(yaml('', `type: s3, bucket: x, prefix: "${given}"`), FILE);
    expect(destinations['local']).toMatchObject({ prefix: taken });
  });

  test.each([
    ['', ['servers: is missing', 'destinations: is missing']],
    ['- x', ['configuration: must be a mapping']],
    ['hello', ['configuration: must be a mapping']],
    [
      'servers: {}\ndestinations: {}',
      ['line 1: servers: must have at least one entry', 'line 2: destinations: must have at least one entry'],
    ],
    ['servers:\ndestinations: 5', ['line 1: servers: must be a mapping', 'line 2: destinations: must be a mapping']],
    [
      'servers: [{ baseUrl: https://a.example }]\ndestinations: []',
      ['line 1: servers: must be a mapping', 'line 2: destinations: must be a mapping'],
    ],
    [
      'servers: { a: }\ndestinations: { d: x }',
      ['line 1: servers.a: must be a mapping', 'line 2: destinations.d: must have a type: directory or s3'],
    ],
    [
      `servers: { "a b": { baseUrl: https://a.example } }\ndestinations: { ../d: { type: directory, path: x } }`,
      [`line 1: servers.a b: ${NAMES}`, `line 2: destinations.../d: ${NAMES}`],
    ],
  ])('the whole: %j', (text, expected) => {
    expect(faults(text)).toEqual(expected);
  });

  test.each([
    ['4', 'must be 5 to 300'],
    ['301', 'must be 5 to 300'],
    ['7.5', 'must be a whole number'],
    ['10s', 'must be a number'],
  ])('heartbeatSeconds: %s', (value, fault) => {
    expect(faults(`${yaml('').trimEnd()}\nheartbeatSeconds: ${value}`)).toEqual([
      expect.stringMatching(new RegExp(`^line \\d+: heartbeatSeconds: ${fault}$`)),
    ]);
  });

  test('every one of many, in the order of the lines', () => {
    const text = `
temporal: { address: x }
servers:
  a:
    baseUrl: http://a.example
    auth: { type: smart-backend, privateKey: hunter2, secret: hunter2 }
    maxConcurrentDownloads: 99
    speed: fast
    colour: red
destinations:
  d: { type: directory }
`;
    expect(faults(text)).toEqual([
      'line 2: temporal: unknown field, remove it',
      'line 5: servers.a.baseUrl: must be https: (http: is allowed on loopback only)',
      'line 6: servers.a.auth.privateKey: secrets are not written here; use privateKeyFile or privateKeyEnv',
      'line 6: servers.a.auth.secret: unknown field, remove it',
      'line 6: servers.a.auth.clientId: is missing',
      'line 6: servers.a.auth: must have exactly one of privateKeyFile and privateKeyEnv',
      'line 7: servers.a.maxConcurrentDownloads: must be 1 to 64',
      'line 8: servers.a.speed: unknown field, remove it',
      'line 9: servers.a.colour: unknown field, remove it',
      'line 11: destinations.d.path: is missing',
    ]);
  });

  test.each([
    ['servers: [', /^Flow sequence .* at line 1, column 11$/],
    ['servers:\n\ta: b', /^Tabs are not allowed as indentation at line 2, column 1$/],
    ['servers: {}\nservers: {}', /^Map keys must be unique at line 2, column 1$/],
    ['servers: {}\n---\nservers: {}', /^Source contains multiple documents.* at line 2, column 1$/],
    ['servers: *nobody', /^Unresolved alias .*: nobody$/],
    ['token: "hunter2\nservers: {}', /^Missing closing "quote at line \d+, column \d+$/],
  ])('YAML that is broken: %j', (text, fault) => {
    const found = faults(text);
    expect(found[0]).toMatch(fault);
    expect(found.join()).not.toMatch(/hunter2/);
  });
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
