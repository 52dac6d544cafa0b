import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { ExportRequest } from '../../src/contract.ts';
import type { AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { readIndex } from '../workflows/attachment-index.ts';

let stack: Stack;
let abroad: AnsweringServer;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      hospital: { patients: 30, pollsUntilReady: 0 },
      token: { patients: 5, pollsUntilReady: 0, requiresAccessToken: true },
      limited: { patients: 5, pollsUntilReady: 0, requiresAccessToken: true },
    },
    entries: {
      token: { auth: { type: 'bearer', tokenEnv: 'ATTACHMENTS_TOKEN' } },
      limited: {
        auth: { type: 'bearer', tokenEnv: 'ATTACHMENTS_TOKEN' },
        allow: { types: ['Patient', 'DocumentReference', 'Binary'] },
      },
    },
  });
  process.env['ATTACHMENTS_TOKEN'] = 'anything';
  hospital = stack.servers['hospital'] as SampleServer;
  abroad = await startAnswering(() => ({ body: 'hello' }));
});
afterAll(async () => {
  await abroad.close();
  await stack.close();
});
beforeEach(() => {
  abroad.asked.length = 0;
  for (const server of Object.values(stack.servers)) {
    server.journal.length = 0;
    server.faults.clear();
  }
});

const DATA: Partial<ExportRequest> = { parameters: { _type: ['Patient', 'DocumentReference'] } };
const REQUEST: Partial<ExportRequest> = { ...DATA, attachments: 'download' };
const of = (server: SampleServer) => server.journal.filter(({ route }) => route === 'binary');

/** Puts attachments into the first resource of the server's only file of DocumentReferences. */
function addAttachments(server: SampleServer, attachments: object[]): void {
  server.faults.add({
    route: 'file',
    times: 1000,
    match: ({ url }) => url.includes('DocumentReference'),
    do: {
      kind: 'transformFile',
      transform: (body) => {
        const [first = '', ...rest] = body.toString('utf8').split('\n');
        const resource = JSON.parse(first) as { content: object[] };
        resource.content = attachments.map((attachment) => ({ attachment }));
        return [JSON.stringify(resource), ...rest].join('\n');
      },
    },
  });
}

/** What the index says of the attachments that were added. */
async function runWith(server: string, attachments: object[], more?: Pick<ExportRequest, 'destination'>) {
  addAttachments(stack.servers[server] as SampleServer, attachments);
  const report = await stack.run({ server, ...REQUEST, ...more });
  const index = await readIndex(report.location);
  return { report, added: index.filter(({ resource }) => resource === index[0]?.resource) };
}

test('an answer that is a FHIR Binary is decoded', async () => {
  const bytes = Buffer.from('%PDF-1.7 of the hospital');
  hospital.faults.add({
    route: 'binary',
    match: ({ url }) => url.endsWith('/Binary/x'),
    do: {
      kind: 'answer',
      status: 200,
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ resourceType: 'Binary', contentType: 'application/pdf', data: bytes.toString('base64') }),
    },
  });
  const { added } = await runWith('hospital', [
    { contentType: 'application/pdf', url: `${hospital.baseUrl}/Binary/x` },
  ]);
  const report = added.find(({ sha256 }) => sha256 === createHash('sha256').update(bytes).digest('hex'));
  expect(report).toMatchObject({ bytes: bytes.length });
});

describe('an attachment on another server', () => {
  test('is fetched without the token, and once however often it is named', async () => {
    const url = `${abroad.origin}/letter?signature=${'secret'.repeat(400)}`;
    const { added, report } = await runWith('token', [{ url }, { url, title: 'again' }]);
    expect(added).toMatchObject([
      { element: 'content[0].attachment', url: `${abroad.origin}/letter?…`, bytes: 5 },
      { element: 'content[1].attachment', bytes: 5 },
    ]);
    expect(abroad.asked).toHaveLength(1);
    expect(abroad.asked[0]?.headers.authorization).toBeUndefined();
    expect(report.attachments?.missing).toBe(0);
  });

  test('that is away holds nothing up', async () => {
    const { added, report } = await runWith('hospital', [{ url: 'http://127.0.0.1:1/x' }]);
    expect(added).toMatchObject([{ missing: expect.stringContaining('127.0.0.1:1') }]);
    expect(report).toMatchObject({
      status: 'complete',
      warnings: [{ code: 'AttachmentsMissing', message: expect.stringMatching(/^1 of \d+: /) }],
    });
    expect(report.attachments?.files).toBe(of(hospital).length);
  });
});

describe('an attachment that cannot be had is recorded and fails nothing', () => {
  test.each([403, 404, 410, 400])('%i', async (status) => {
    hospital.faults.add({ route: 'binary', times: 1, do: { kind: 'answer', status } });
    const report = await stack.run(REQUEST);
    expect(report).toMatchObject({
      status: 'complete',
      attachments: { missing: 1 },
      warnings: [{ code: 'AttachmentsMissing' }],
    });
    const missing = (await readIndex(report.location)).filter((line) => line.missing !== undefined);
    expect(missing).toMatchObject([{ missing: `HTTP ${status}` }]);
    expect(hospital.journal.at(-1)?.route).toBe('delete');
  });

  test('because the credentials do not reach so far: each is asked for a few times, not for ever', async () => {
    const server = stack.servers['token'] as SampleServer;
    server.faults.add({ route: 'binary', times: 1000, do: { kind: 'answer', status: 401 } });
    const report = await stack.run({ server: 'token', ...REQUEST });
    const { missing = 0, files } = report.attachments ?? {};
    expect({ files, missing: missing > 5 }).toEqual({ files: 0, missing: true });
    expect(of(server).length).toBeLessThanOrEqual(missing * 3);
  });

  test.each([
    ['is no URL', { url: 'urn:oid:1.2.3' }, /not a URL/],
    ['is an address within the network', { url: 'http://169.254.169.254/latest/meta-data' }, /169\.254|http/],
    ['comes as an OperationOutcome', { contentType: 'text/plain', url: '/outcome' }, /OperationOutcome/],
    ['comes as a Binary without data', { contentType: 'application/pdf', url: '/binary' }, /Binary without data/],
    ['comes as a login page', { contentType: 'application/pdf', url: '/login' }, /HTML/],
  ])('because it %s', async (_, attachment, why) => {
    const resourceType = attachment.url === '/binary' ? 'Binary' : 'OperationOutcome';
    abroad.answer = ({ url }) =>
      url === '/login'
        ? { headers: { 'content-type': 'text/html' }, body: '<html>' }
        : { headers: { 'content-type': 'application/fhir+json' }, body: { resourceType, id: '1' } };
    const url = attachment.url.startsWith('/') ? `${abroad.origin}${attachment.url}` : attachment.url;
    const { added } = await runWith('hospital', [{ ...attachment, url }]);
    expect(added).toMatchObject([{ missing: expect.stringMatching(why) }]);
  });
});

test('where data is limited, no attachment is a search with the token', async () => {
  const { baseUrl, journal } = stack.servers['limited'] as SampleServer;
  const search = { status: 302, headers: { location: `${baseUrl}/Patient?_count=1000` } };
  abroad.answer = ({ url }) => (url === '/moved' ? search : { body: 'hello' });
  const elsewhere = `${abroad.origin}/letter`;
  const { added } = await runWith('limited', [
    { url: 'Patient?_count=1000' },
    { url: `${baseUrl}/Group/diabetes` },
    { url: elsewhere },
    { url: `${abroad.origin}/moved` },
  ]);
  expect(added).toMatchObject([
    { url: 'Patient?_count=1000', missing: 'not allowed: no Binary' },
    { url: `${baseUrl}/Group/diabetes`, missing: 'not allowed: no Binary' },
    { url: elsewhere, bytes: 5 },
    { url: `${abroad.origin}/moved`, missing: expect.stringContaining('a redirect from another server') },
  ]);
  expect(journal.filter(({ url }) => /_count|Group/.test(url))).toEqual([]);
  // Those of the sample server itself.
  expect(of(stack.servers['limited'] as SampleServer).length).toBeGreaterThan(0);
});

test('what is never fetched does not count as missing, so that the mark moves past it', async () => {
  const { added, report } = await runWith('limited', [
    { url: 'data:application/pdf;base64,JVBERi0=' },
    { url: 'urn:oid:1.2.3' },
    { url: 'Patient?_count=1000' },
  ]);
  expect(added).toMatchObject([
    { element: 'content[1].attachment', missing: 'not a URL of https:' },
    { element: 'content[2].attachment', missing: 'not allowed: no Binary' },
  ]);
  expect(report).toMatchObject({ attachments: { missing: 0, leftOut: 2 }, warnings: [] });
});

test('a document whose URL cannot be requested is missing, and none that is never fetched', async () => {
  const { added, report } = await runWith('hospital', [
    { url: 'https://' },
    { url: `Binary/${'1'.repeat(17_000)}` },
    { url: 'URN:uuid:1' },
  ]);
  const missing = 'not a URL that can be requested';
  expect(added).toMatchObject([{ missing }, { missing }, { missing: 'not a URL of https:' }]);
  expect(report).toMatchObject({ attachments: { missing: 2, leftOut: 1 }, warnings: [{ code: 'AttachmentsMissing' }] });
});

test('nothing at all is not the content, unless the resource says so', async () => {
  abroad.answer = () => ({ body: '' });
  const ofNothing = createHash('sha1').digest('base64');
  const { added, report } = await runWith('hospital', [
    { url: `${abroad.origin}/1`, size: 250_000 },
    { url: `${abroad.origin}/2`, hash: 'AAAA' },
    { url: `${abroad.origin}/3`, size: 0, hash: ofNothing },
    { url: `${abroad.origin}/4` },
  ]);
  expect(added).toMatchObject([
    { missing: expect.stringContaining('the size of something') },
    { missing: expect.stringContaining('the hash of something') },
    { bytes: 0 },
    { bytes: 0 },
  ]);
  expect(report.attachments?.missing).toBe(2);
});

test('one that lies there cut, of which no receipt says so, is fetched again', async () => {
  const path = 'cut-attachment';
  const folder = join(stack.folder, path, 'attachments');
  // As an attempt has left it that was killed between name and receipt.
  abroad.answer = () => {
    if (abroad.asked.length === 1) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, createHash('sha256').update('hello').digest('hex')), 'he');
    }
    return { body: 'hello' };
  };
  const { added, report } = await runWith('hospital', [{ url: `${abroad.origin}/x` }], { destination: { path } });
  expect(added).toMatchObject([{ bytes: 5 }]);
  expect(report).toMatchObject({ status: 'complete', attachments: { missing: 0 }, warnings: [] });
  expect(abroad.asked).toHaveLength(2);
  expect(await readFile(join(folder, added[0]?.sha256 as string), 'utf8')).toBe('hello');
});

test('what the resource says of size and hash is compared, and the content kept', async () => {
  abroad.answer = () => ({ body: 'hello' });
  const { added } = await runWith('hospital', [{ url: `${abroad.origin}/x`, size: 4, hash: 'AAAA' }]);
  expect(added).toMatchObject([{ bytes: 5, differs: ['size', 'hash'] }]);
});
