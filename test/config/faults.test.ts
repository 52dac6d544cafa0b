import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { FILE, yaml, faults } from './parsed.ts';

describe('a fault is named with its place', () => {
  const TYPES = 'must have a type: smart-backend, client-secret, basic, bearer or none';
  const LOOPBACK = 'must be https: (http: is allowed on loopback only)';
  const PROXY = 'must be a URL such as http://proxy.example:3128, without a user name (see proxyCredentialsFile)';
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
    [
      'profile: cerner',
      expect.stringMatching(/^line 2: servers.hospital-a.profile: must be one of epic, .*, generic$/),
    ],
    ['levels: group', 'levels: must be a list'],
    ['levels: [groups]', 'levels.0: must be system, patient or group'],
    ['filterableTypes: [Patients]', 'filterableTypes.0: is not a FHIR resource type'],
    ['maxDownloadsPerFile: 0', 'maxDownloadsPerFile: must be 1 to 1000'],
    ['requiresAccessToken: true', 'requiresAccessToken: must be believe, always or never'],
    ['allow: { group: [a] }', 'allow.group: unknown field, remove it'],
    ['allow: { groups: a }', 'allow.groups: must be a list'],
    ['allow: { types: [Patients] }', 'allow.types.0: is not a FHIR resource type'],
    ['outputFormats: [text/csv]', 'outputFormats.0: must be application/fhir+ndjson+gzip'],
    ['requestIdHeaders: [x-id, Set-Cookie]', 'requestIdHeaders.1: could hold a secret, and would be logged'],
    ['requestIdHeaders: [Authorization]', 'requestIdHeaders.0: could hold a secret, and would be logged'],
    ['requestIdHeaders: [Content-Location]', 'requestIdHeaders.0: could hold a secret, and would be logged'],
    ['requestIdHeaders: [X-Auth-Token]', 'requestIdHeaders.0: could hold a secret, and would be logged'],
    [
      'clientIdHeader: Content-Type, auth: { type: client-secret, clientId: x, clientSecretEnv: S, tokenUrl: "https://a.example" }',
      'clientIdHeader: has a meaning of its own in HTTP',
    ],
    [
      'clientIdHeader: Authorization, auth: { type: client-secret, clientId: x, clientSecretEnv: S, tokenUrl: "https://a.example" }',
      'clientIdHeader: is not set here; use auth',
    ],
    ['clientIdHeader: X-Client', 'clientIdHeader: needs auth with a clientId'],
    [
      'profile: epic, auth: { type: client-secret, clientId: "\u00fc", clientSecretEnv: S, tokenUrl: "https://a.example" }',
      'line 2: servers.hospital-a: auth.clientId must be printable ASCII, because it is sent in a header (clientIdHeader)',
    ],
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
    [
      'proxyCredentials: hunter2',
      'proxyCredentials: secrets are not written here; use proxyCredentialsFile or proxyCredentialsEnv',
    ],
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
    expect(faults(yaml(server))).toEqual([
      typeof fault !== 'string' || fault.startsWith('line') ? fault : `line 2: servers.hospital-a.${fault}`,
    ]);
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
  const RETENTION = 'must be an ISO 8601 duration of days, hours, minutes and seconds, at least one day, such as P90D';
  const OWNER = 'must be the 12 digits of an account, in quotes';
  const GLACIER =
    'storageClass: cannot be read without a delay, and an export reads its files; use GLACIER_IR, or a lifecycle rule';
  const TAGS = 'must have letters, digits, spaces and _ . : / = + - @ only';
  test.each([
    ['path: x', 'type: is missing, must have a type: directory or s3'],
    ['type: gcs, path: x', 'type: must have a type: directory or s3'],
    ['type: directory', 'path: is missing'],
    ['type: directory, path: ""', 'path: must not be empty'],
    ['type: directory, path: x, bucket: y', 'bucket: unknown field, remove it'],
    ...['P89', '90 days', 'P3M', 'PT23H', 'P0D'].map((text) => [
      `type: directory, path: x, retention: ${text}`,
      `retention: ${RETENTION}`,
    ]),
    ['type: s3, bucket: x, retention: 90', 'retention: must be text'],
    ['type: s3', 'bucket: is missing'],
    ['type: s3, bucket: x, endpoint: "http://s3.example"', `endpoint: ${LOOPBACK}`],
    ['type: s3, bucket: x, forcePathStyle: 1', 'forcePathStyle: must be true or false'],
    ['type: s3, bucket: "s3://x/raw"', `bucket: ${BUCKET}`],
    ['type: s3, bucket: x/raw', `bucket: ${BUCKET}`],
    ['type: s3, bucket: x, prefix: a/../b', `prefix: ${PREFIX}`],
    ['type: s3, bucket: x, prefix: a//b', `prefix: ${PREFIX}`],
    ['type: s3, bucket: x, prefix: ./a', `prefix: ${PREFIX}`],
    ['type: s3, bucket: x, sse: kms', 'sse: must be aws:kms or AES256'],
    ['type: s3, bucket: x, kmsKeyId: alias/a', 'kmsKeyId: needs sse: aws:kms'],
    ['type: s3, bucket: x, sse: AES256, kmsKeyId: alias/a', 'kmsKeyId: needs sse: aws:kms'],
    ['type: s3, bucket: x, sse: aws:kms, kmsKeyId: "a b"', 'kmsKeyId: must be the id, the alias or the ARN of a key'],
    ['type: s3, bucket: x, sse: AES256, bucketKeyEnabled: true', 'bucketKeyEnabled: needs sse: aws:kms'],
    ['type: s3, bucket: x, expectedBucketOwner: 111122223333', `expectedBucketOwner: ${OWNER}`],
    ['type: s3, bucket: x, expectedBucketOwner: hospital', `expectedBucketOwner: ${OWNER}`],
    ['type: s3, bucket: x, tags: { "aws:a": b }', 'tags.aws:a: must not begin with aws:'],
    ['type: s3, bucket: x, tags: { a: 5 }', 'tags.a: must be text'],
    ['type: s3, bucket: x, tags: { a: "b&c" }', `tags.a: ${TAGS}`],
    [
      `type: s3, bucket: x, tags: { ${Array.from({ length: 11 }, (_, number) => `a${number}: b`).join(', ')} }`,
      'tags: must be at most 10',
    ],
    ['type: s3, bucket: x, storageClass: cold', 'storageClass: must be a storage class such as STANDARD_IA'],
    ['type: s3, bucket: x, storageClass: GLACIER', GLACIER],
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
