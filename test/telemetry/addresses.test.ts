import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { CollectorSchema, MetricsSchema, fromEnvironment, shownTarget } from '../../src/telemetry/addresses.ts';

const parseField = (field: 'metrics' | 'traces', value: unknown) =>
  parseConfig(
    `servers: { a: { baseUrl: "https://a.example" } }\ndestinations: { b: { type: directory, path: b } }\n${field}: ${JSON.stringify(value)}\n`,
    '/etc/export/config.yaml',
  )[field];
const parse = (metrics: string) => parseField('metrics', metrics);

describe('where metrics are', () => {
  test.each(['127.0.0.1:9464', '0.0.0.0:1', '[::1]:9464', 'http://collector.example:4317'])('%s', (text) => {
    expect(parse(text)).toBe(text);
  });

  test.each(['localhost:9464', '127.0.0.1', ':9464', '::1:9464', '127.0.0.1:99999', 'http://a:b@c:4317', 'grpc://c:1'])(
    '%s is refused',
    (text) => {
      expect(() => parse(text)).toThrow('line 3: metrics: must be an IP address with a port to listen on');
    },
  );

  test('the variable wins; an empty one turns off', () => {
    const of = (env: NodeJS.ProcessEnv) => fromEnvironment(MetricsSchema, 'METRICS', '127.0.0.1:1', env);
    expect(of({})).toBe('127.0.0.1:1');
    expect(of({ METRICS: '127.0.0.1:2' })).toBe('127.0.0.1:2');
    expect(of({ METRICS: '' })).toBeUndefined();
    expect(() => of({ METRICS: 'nonsense' })).toThrow(/^METRICS: must be an IP address .*; this is "nonsense"$/);
  });
});

describe('where traces go', () => {
  test.each(['http://127.0.0.1:4318', 'https://collector.example/otlp/v1/traces'])('%s', (text) => {
    expect(parseField('traces', text)).toBe(text);
    expect(parseField('traces', { url: text, headersEnv: 'HEADERS' })).toEqual({ url: text, headersEnv: 'HEADERS' });
  });

  test('a path is taken from the folder of the configuration', () => {
    const url = 'https://collector.example';
    expect(parseField('traces', { url, headersFile: 'headers' })).toEqual({ url, headersFile: '/etc/export/headers' });
  });

  test.each<[unknown, string]>([
    ['127.0.0.1:4318', 'traces: must be the URL of an OTLP collector (HTTP)'],
    ['http://user:password@collector.example', 'traces: must be the URL'],
    [true, 'traces: must be the URL'],
    [{ url: 'grpc://collector.example' }, 'traces.url: must be the URL'],
    [{ url: 'https://a.example', headers: 'api-key=1' }, 'traces.headers: '],
    [{ url: 'https://a.example', headersFile: 'a', headersEnv: 'B' }, 'traces: has headersFile and headersEnv'],
  ])('%j is refused', (value, fault) => {
    expect(() => parseField('traces', value)).toThrow(`line 3: ${fault}`);
  });
});

describe('no secret of an address is shown', () => {
  test.each(['https://user:hunter2@collector.example', 'collector.example/v1/traces?key=hunter2'])('%s', (text) => {
    const read = () => fromEnvironment(CollectorSchema, 'TRACES', undefined, { TRACES: text });
    expect(read).toThrow(/^TRACES: must be the URL of an OTLP collector/);
    expect(read).not.toThrow(/hunter2/);
  });

  test.each([
    ['https://collector.example/hunter2?key=hunter2', 'https://collector.example'],
    ['http://127.0.0.1:4318', 'http://127.0.0.1:4318'],
    ['[::1]:9464', '[::1]:9464'],
    [undefined, undefined],
  ])('in a log, %s is %s', (target, shown) => {
    expect(shownTarget(target)).toBe(shown);
  });
});
