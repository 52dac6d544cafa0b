import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { MetricsSchema, fromEnvironment } from '../../src/telemetry/addresses.ts';

const parse = (metrics: string) =>
  parseConfig(
    `servers: { a: { baseUrl: "https://a.example" } }\ndestinations: { b: { type: directory, path: b } }\nmetrics: ${JSON.stringify(metrics)}\n`,
    '/etc/export/config.yaml',
  ).metrics;

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
