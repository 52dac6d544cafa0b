import { describe, expect, test } from 'vitest';
import { readStatus } from '../../src/fhir/poll-answer.ts';
import type { PollAnswer, PollTerms, StatusResponse } from '../../src/fhir/poll-answer.ts';

const NOW = Date.UTC(2026, 10, 5);
const PLAIN: PollTerms = { separateStatus: false, partial: false };
const SEPARATE: PollTerms = { separateStatus: true, partial: false };
const PARTIAL: PollTerms = { separateStatus: false, partial: true };

const MANIFEST = JSON.stringify({
  transactionTime: '2026-01-01T00:00:00Z',
  requiresAccessToken: false,
  output: [{ type: 'Patient', url: 'https://a.example/1' }],
  error: [],
});
const HTML = '<html><body><h1>502 Bad Gateway</h1></body></html>';

function outcome(...codes: string[]): string {
  const issue = codes.map((code) => ({ severity: 'error', code, diagnostics: `it is ${code}` }));
  return JSON.stringify({ resourceType: 'OperationOutcome', issue });
}

function read(
  status: number,
  { body = '', terms = PLAIN, ...headers }: { body?: string; terms?: PollTerms; [header: string]: unknown } = {},
): PollAnswer {
  return readStatus({ status, headers: headers as StatusResponse['headers'], body }, terms, NOW);
}

/** The answer in one word, with the cause of trouble. */
function meaning(answer: PollAnswer): string {
  if (answer.kind === 'trouble') return answer.cause;
  return answer.kind === 'manifest' && answer.complete ? 'complete' : answer.kind;
}

const X = (status: string): object => ({ 'x-export-status': status });

describe('the table of outcomes', () => {
  const transient = ['transient', 'lock-error', 'no-store', 'exception', 'timeout', 'incomplete', 'throttled'];
  test.each<[string, number, string, PollTerms, object]>([
    ['inProgress', 202, '', PLAIN, {}],
    ['inProgress', 202, 'please wait', PLAIN, {}],
    ['inProgress', 202, MANIFEST, PLAIN, {}],
    ['inProgress', 202, outcome('informational'), PLAIN, {}],
    ['manifest', 202, MANIFEST, PARTIAL, {}],
    ['inProgress', 202, '{}', PARTIAL, {}],
    ['inProgress', 202, '', PARTIAL, {}],
    ['complete', 200, MANIFEST, PLAIN, {}],
    ['complete', 200, MANIFEST, PARTIAL, {}],
    ['complete', 203, MANIFEST, PLAIN, {}],
    ['complete', 200, MANIFEST, PLAIN, { 'content-type': 'application/fhir+json; charset=utf-8' }],

    // IG 3.0: X-Export-Status, a code with or without its phrase.
    ['inProgress', 200, '', SEPARATE, X('202 Accepted')],
    ['inProgress', 200, MANIFEST, SEPARATE, X('202')],
    ['manifest', 200, MANIFEST, { separateStatus: true, partial: true }, X('202 Accepted')],
    ['complete', 200, MANIFEST, SEPARATE, X('200 OK')],
    ['complete', 200, MANIFEST, SEPARATE, X(' 200')],
    ['complete', 200, MANIFEST, SEPARATE, {}],
    ['failed', 200, outcome('processing'), SEPARATE, X('500 Internal Server Error')],
    ['failed', 200, outcome('transient'), SEPARATE, X('500')],
    ['failed', 200, '', SEPARATE, X('404 Not Found')],
    ['failed', 200, MANIFEST, SEPARATE, X('400')],
    ...[400, 422, 500, 501, 502, 503].flatMap((status): [string, number, string, PollTerms, object][] => [
      ['outage', status, outcome('processing'), SEPARATE, {}],
      ['outage', status, HTML, SEPARATE, {}],
      ['outage', status, '', SEPARATE, {}],
    ]),

    // Without it the codes of the OperationOutcome decide.
    ...transient.flatMap((code): [string, number, string, PollTerms, object][] => [
      ['outage', 500, outcome(code), PLAIN, {}],
      ['outage', 400, outcome(code), PLAIN, {}],
    ]),
    ['outage', 500, outcome(...transient), PLAIN, {}],
    ['failed', 500, outcome('throttled', 'processing'), PLAIN, {}],
    ['failed', 500, outcome('processing'), PLAIN, {}],
    ['failed', 503, outcome('exceptional'), PLAIN, {}],
    ['failed', 422, outcome('processing'), PLAIN, { 'content-type': 'application/json' }],

    // Answers that are not FHIR.
    ...[500, 502, 503, 504, 507, 599].map((status): [string, number, string, PollTerms, object] => [
      'outage',
      status,
      HTML,
      PLAIN,
      {},
    ]),
    ...[400, 405, 406, 413, 422, 501, 505].map((status): [string, number, string, PollTerms, object] => [
      'unusable',
      status,
      HTML,
      PLAIN,
      {},
    ]),
    ['outage', 500, '', PLAIN, {}],
    ['unusable', 400, '', PLAIN, {}],

    // Whoever says these means the request and not the job.
    ...[408, 425, 429].flatMap((status): [string, number, string, PollTerms, object][] => [
      ['outage', status, '', PLAIN, {}],
      ['outage', status, outcome('processing'), PLAIN, {}],
      ['outage', status, HTML, SEPARATE, {}],
    ]),
    ['refused', 401, outcome('processing'), PLAIN, {}],
    ['refused', 403, '', PLAIN, {}],
    ['refused', 401, '', SEPARATE, {}],
    ['gone', 404, outcome('not-found'), PLAIN, {}],
    ['gone', 404, HTML, SEPARATE, {}],
    ['gone', 410, outcome('transient'), PLAIN, {}],
    ['gone', 410, '', SEPARATE, {}],

    // 200 without a manifest is no empty export.
    ['unusable', 200, '', PLAIN, {}],
    ['unusable', 200, '{}', PLAIN, {}],
    ['unusable', 200, '{}', SEPARATE, X('200 OK')],
    ['unusable', 200, HTML, PLAIN, {}],
    ['unusable', 200, '{"resourceType":"Bundle"}', PLAIN, {}],
    ['failed', 200, outcome('processing'), PLAIN, {}],
    ['failed', 200, '{"resourceType":"OperationOutcome"}', PLAIN, {}],
    ['unusable', 200, outcome('informational').replace('error', 'information'), PLAIN, {}],
    ['unusable', 204, '', PLAIN, {}],
    ['unusable', 206, MANIFEST, PLAIN, {}],
    ['unusable', 304, '', PLAIN, {}],
  ])('%s: HTTP %d with %s, %j %j', (expected, status, body, terms, headers) => {
    expect(meaning(read(status, { body, terms, ...headers }))).toBe(expected);
  });

  test('what came with a status that means nothing is not quoted: it may hold links', () => {
    expect(read(206, { body: MANIFEST })).toMatchObject({ detail: 'HTTP 206' });
  });

  test('403 with a page that says nothing of authorization may be by a firewall', () => {
    const byGateway = (status: number, more: Parameters<typeof read>[1]) => 'byGateway' in read(status, more);
    expect([byGateway(403, { body: HTML }), byGateway(403, { body: '{"message":"Forbidden"}' })]).toEqual([
      true,
      false,
    ]);
    expect(byGateway(403, { body: HTML, 'www-authenticate': 'Bearer' })).toBe(false);
    expect(byGateway(403, { body: outcome('forbidden') })).toBe(false);
    expect([byGateway(403, {}), byGateway(401, { body: HTML })]).toEqual([false, false]);
  });

  test('404 may pass within its time, 410 is at once', () => {
    expect(read(404).kind).toBe('trouble');
    expect(read(410).kind).toBe('gone');
  });
});

describe('the words', () => {
  test.each<[string, number, string, object]>([
    ['HTTP 500: error/processing: it is processing', 500, outcome('processing'), {}],
    ['HTTP 500: error/throttled: it is throttled; error/value: it is value', 500, outcome('throttled', 'value'), {}],
    ['HTTP 502: (a page, not FHIR) 502 Bad Gateway', 502, HTML, {}],
    ['HTTP 429', 429, ' \n', {}],
    ['HTTP 401: see https://a.example/?…', 401, 'see https://a.example/?code=secret', {}],
    ['HTTP 410: gone', 410, 'gone', {}],
    ['HTTP 200: error/processing: it is processing', 200, outcome('processing'), {}],
    ['HTTP 200 with neither transactionTime nor output', 200, '{}', {}],
    ['X-Export-Status 500: error/value: it is value', 200, outcome('value'), X('500 Internal Server Error')],
    ['X-Export-Status 503', 200, '', X('503')],
  ])('are "%s"', (detail, status, body, headers) => {
    expect(read(status, { body, ...headers })).toMatchObject({ detail });
  });
});

describe('Retry-After', () => {
  const date = new Date(NOW - 3_600_000).toUTCString();
  test.each<[string, number, object]>([
    ['in progress', 202, {}],
    ['in progress by X-Export-Status', 200, X('202')],
    ['a manifest in progress', 202, { body: MANIFEST, terms: PARTIAL }],
    ['a complete manifest', 200, { body: MANIFEST }],
    ['too many requests', 429, {}],
    ['an outage', 503, { body: HTML }],
    ['a transient outcome', 500, { body: outcome('throttled') }],
    ['an unusable answer', 200, { body: '{}' }],
  ])('is kept of %s', (_what, status, more) => {
    expect(read(status, { 'retry-after': '120', ...more })).toMatchObject({ retryAfter: 120_000 });
    const moment = new Date(NOW - 3_600_000 + 90_000).toUTCString();
    expect(read(status, { 'retry-after': moment, date, ...more })).toMatchObject({ retryAfter: 90_000 });
    for (const unusable of ['0', 'soon', date]) {
      expect(read(status, { 'retry-after': unusable, date, ...more })).toHaveProperty('retryAfter', undefined);
    }
  });
});

describe('X-Progress', () => {
  test.each([
    ['50% complete', '50% complete'],
    ['see https://a.example/s?token=secret', 'see https://a.example/s?…'],
    ['a\u0007b\tc', 'a b c'],
    ['x'.repeat(5000), `${'x'.repeat(99)}…`],
  ])('%s is made fit to be shown', (text, progress) => {
    expect(read(202, { 'x-progress': text })).toEqual({ kind: 'inProgress', progress });
    expect(read(202, { 'x-progress': text, body: MANIFEST, terms: PARTIAL })).toMatchObject({ progress });
  });

  test('may be absent', () => {
    expect(read(202)).toEqual({ kind: 'inProgress' });
  });
});

test('a manifest comes with its files', () => {
  expect(read(200, { body: MANIFEST })).toMatchObject({
    kind: 'manifest',
    complete: true,
    manifest: { files: [{ kind: 'output', type: 'Patient', url: 'https://a.example/1' }] },
  });
});
