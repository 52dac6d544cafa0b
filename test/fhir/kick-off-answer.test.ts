import { describe, expect, test } from 'vitest';
import { readAcceptance, readRejection } from '../../src/fhir/kick-off-answer.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const URL_OF_KICK_OFF = 'https://a.example/r4/$export';

const response = (status: number, headers: Record<string, string> = {}) => ({ status, headers, url: URL_OF_KICK_OFF });

describe('an answer accepts the kick-off', () => {
  test.each([202, 200])('%d with a status URL', (status) => {
    const headers = {
      'content-location': '/status/1?sig=%2f',
      'retry-after': '7',
      'preference-applied': 'respond-async, separate-export-status',
    };
    expect(readAcceptance(response(status, headers), NOW)).toEqual({
      statusUrl: 'https://a.example/status/1?sig=%2f',
      separateStatus: true,
      retryAfter: 7000,
    });
  });

  test('a status URL that is absolute is kept to the letter', () => {
    const headers = { 'content-location': 'https://B.example/status/../1' };
    expect(readAcceptance(response(202, headers), NOW)).toEqual({
      statusUrl: 'https://B.example/status/../1',
      separateStatus: false,
      retryAfter: undefined,
    });
  });

  test.each([
    ['without a status URL', response(202)],
    ['with one that is not a URL', response(202, { 'content-location': 'https://' })],
    ['with another status', response(302, { 'content-location': '/status/1' })],
  ])('but not %s', (_, answer) => {
    expect(readAcceptance(answer, NOW)).toBeUndefined();
  });
});

describe('an answer that accepts nothing', () => {
  const outcome = (code: string): string =>
    JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code }] });

  test.each([
    [202, '', 'unusable'],
    [204, '', 'unusable'],
    [302, '', 'rejected'],
    [400, outcome('invalid'), 'rejected'],
    [400, outcome('transient'), 'rejected'],
    [401, '', 'refused'],
    [403, '', 'refused'],
    [404, '', 'rejected'],
    [405, '', 'wrongMethod'],
    [408, '', 'trouble'],
    [425, '', 'trouble'],
    [429, '', 'trouble'],
    [500, '', 'trouble'],
    [500, outcome('transient'), 'trouble'],
    [500, outcome('not-supported'), 'rejected'],
    [501, '', 'rejected'],
    [502, '', 'unknown'],
    [503, outcome('not-supported'), 'trouble'],
    [504, '', 'unknown'],
    [520, '<html>Web server is returning an unknown error</html>', 'unknown'],
    [524, '<html>A timeout occurred</html>', 'unknown'],
    [505, '', 'rejected'],
  ])('%d %s is %s', (status, body, kind) => {
    expect(readRejection(response(status), body, NOW, 0).kind).toBe(kind);
  });

  test.each<[number, string, number, Record<string, string>, boolean]>([
    [500, '<html>Application error</html>', 30_000, {}, true],
    [503, '', 5000, {}, true],
    [503, '', 4999, {}, false],
    [503, outcome('transient'), 30_000, {}, false],
    [503, '', 30_000, { 'retry-after': '60' }, false],
    [429, '', 30_000, {}, false],
  ])(
    '%d %s after %d ms, with %j: whether a gateway gave up waiting',
    (status, body, waited, headers, mayHaveStarted) => {
      const rejection = readRejection(response(status, headers), body, NOW, waited);
      expect(rejection).toMatchObject({ kind: 'trouble', mayHaveStarted });
    },
  );

  test.each([
    [200, '<html>Sign in</html>', false],
    [200, outcome('informational'), true],
    [202, '<html>begun</html>', true],
    [204, '', true],
  ])('%d %s without a status URL may have started a job: %s', (status, body, mayHaveStarted) => {
    expect(readRejection(response(status), body, NOW, 0)).toMatchObject({ kind: 'unusable', mayHaveStarted });
  });

  test('is quoted, with where a redirect leads to, without its path', () => {
    const headers = { location: 'https://other.example/Patient/1?sig=2' };
    expect(readRejection(response(307, headers), 'moved', NOW, 0)).toMatchObject({
      kind: 'rejected',
      detail: 'HTTP 307, a redirect to https://other.example that is not followed: moved',
    });
  });

  test('is quoted, with the time that the server asks for', () => {
    expect(readRejection(response(429, { 'retry-after': '30' }), 'slow down', NOW, 0)).toEqual({
      kind: 'trouble',
      detail: 'HTTP 429: slow down',
      retryAfter: 30_000,
      tooMany: 'requests',
      mayHaveStarted: false,
    });
  });

  test.each([
    [429, outcome('throttled'), 'exports'],
    [429, outcome('transient'), 'requests'],
    [429, '', 'requests'],
    [503, outcome('throttled'), undefined],
  ])('%d %s is about %s', (status, body, tooMany) => {
    const rejection = readRejection(response(status), body, NOW, 0);
    expect(rejection.kind).toBe('trouble');
    expect('tooMany' in rejection ? rejection.tooMany : undefined).toBe(tooMany);
  });
});
