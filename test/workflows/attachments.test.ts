import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { ExportReport, ExportRequest } from '../../src/contract.ts';
import { seededRandom } from '../support/random.ts';
import type { AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { KillPoint } from '../support/kill-point.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

let stack: Stack;
let abroad: AnsweringServer;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      hospital: { patients: 30, pollsUntilReady: 0 },
      relative: { patients: 10, pollsUntilReady: 0, attachmentUrls: 'relative' },
      token: { patients: 5, pollsUntilReady: 0, requiresAccessToken: true },
      slow: { patients: 8, pollsUntilReady: 0, gzip: false, throttleBytesPerSecond: 60_000 },
    },
    entries: { token: { auth: { type: 'bearer', tokenEnv: 'ATTACHMENTS_TOKEN' } } },
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

interface Line {
  resource: string;
  element: string;
  url: string;
  contentType?: string;
  file?: string;
  bytes?: number;
  sha256?: string;
  differs?: string[];
  missing?: string;
}

async function readIndex(location: string): Promise<Line[]> {
  const text = await readFile(join(location, 'attachments/index.ndjson'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** Every attachment with a URL that the stored resources name is there, and has the hash that they say. */
async function expectAllAttachments({ location, attachments }: ExportReport): Promise<void> {
  const lines = await readIndex(location);
  const wanted = new Map<string, string>();
  for (const name of (await readdir(location)).filter((one) => one.startsWith('DocumentReference'))) {
    for (const line of (await readFile(join(location, name), 'utf8')).trimEnd().split('\n')) {
      const { id, content } = JSON.parse(line) as {
        id: string;
        content: { attachment: { url?: string; hash: string } }[];
      };
      if (content[0]?.attachment.url !== undefined) wanted.set(`DocumentReference/${id}`, content[0].attachment.hash);
    }
  }
  expect(wanted.size).toBeGreaterThan(0);
  expect(lines.map(({ resource }) => resource).sort()).toEqual([...wanted.keys()].sort());
  for (const { resource, element, file = '', bytes, sha256, differs } of lines) {
    const content = await readFile(join(location, file));
    expect(createHash('sha1').update(content).digest('base64')).toBe(wanted.get(resource));
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    expect({ element, file, bytes, differs }).toEqual({
      element: 'content[0].attachment',
      file: `attachments/${sha256}`,
      bytes: content.length,
    });
  }
  expect(attachments).toEqual({
    files: wanted.size,
    bytes: lines.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    missing: 0,
  });
  expect((await readdir(join(location, '.export'))).sort()).not.toContain('attachments');
}

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
async function runWith(server: string, attachments: object[]): Promise<{ report: ExportReport; added: Line[] }> {
  addAttachments(stack.servers[server] as SampleServer, attachments);
  const report = await stack.run({ server, ...REQUEST });
  const index = await readIndex(report.location);
  return { report, added: index.filter(({ resource }) => resource === index[0]?.resource) };
}

test.each(['hospital', 'relative', 'token', 'slow'])('every attachment is there and right: %s', async (server) => {
  const report = await stack.run({ server, ...REQUEST });
  const sample = stack.servers[server] as SampleServer;
  await expectExactFiles(report.location, sample);
  await expectAllAttachments(report);
  expect(report).toMatchObject({ status: 'complete', warnings: [] });
  // Each once, and the job is deleted after the last.
  const urls = of(sample).map(({ url }) => url);
  expect(new Set(urls).size).toBe(urls.length);
  expect(sample.journal.at(-1)?.route).toBe('delete');
  // Bulk Data IG 3.0: the flag of the manifest is for attachments, too.
  const withToken = of(sample).filter(({ headers }) => headers.authorization !== undefined);
  expect(withToken).toHaveLength(server === 'token' ? urls.length : 0);
});

test('they are not fetched when nobody asks for them', async () => {
  const report = await stack.run(DATA);
  expect(report.attachments).toBeUndefined();
  expect(of(hospital)).toEqual([]);
});

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
    const url = `${abroad.origin}/letter?signature=secret`;
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

test('what the resource says of size and hash is compared, and the content kept', async () => {
  abroad.answer = () => ({ body: 'hello' });
  const { added } = await runWith('hospital', [{ url: `${abroad.origin}/x`, size: 4, hash: 'AAAA' }]);
  expect(added).toMatchObject([{ bytes: 5, differs: ['size', 'hash'] }]);
});

test('transfers that break are resumed, and what breaks off is fetched again', async () => {
  const random = seededRandom(3);
  const slow = stack.servers['slow'] as SampleServer;
  slow.faults.add({
    route: 'binary',
    times: 12,
    match: () => random() < 0.5,
    do: { kind: 'breakBody', afterBytes: 150 },
  });
  hospital.faults.add({ route: 'binary', times: 3, do: { kind: 'answer', status: 503 } });
  hospital.faults.add({ route: 'binary', skip: 5, times: 3, do: { kind: 'drop' } });
  for (const server of ['slow', 'hospital']) await expectAllAttachments(await stack.run({ server, ...REQUEST }));
  expect(of(slow).filter(({ status }) => status === 206).length).toBeGreaterThan(0);
});

describe('with workers that are killed', () => {
  beforeEach(() => stack.stopWorkers());
  afterEach(() => stack.startWorkers());

  test('all are there in the end, and those that were there are not fetched again', async () => {
    const slow = stack.servers['slow'] as SampleServer;
    let worker = await startWorkerProcess(stack);
    const started = await stack.start({ server: 'slow', ...REQUEST });
    await expect.poll(() => of(slow).filter(({ finished }) => finished).length, { timeout: 30_000 }).toBeGreaterThan(5);
    await killWorker(worker);
    worker = await startWorkerProcess(stack);
    await expectAllAttachments(await started.result());
    await killWorker(worker);
    const counts = new Map<string, number>();
    for (const { url, finished } of of(slow)) if (finished) counts.set(url, (counts.get(url) ?? 0) + 1);
    // Those in flight may have been sent whole and not stored.
    expect([...counts.values()].filter((count) => count > 1).length).toBeLessThanOrEqual(4);
  });

  test('between the index and the manifest: a run that goes on writes an index of its own', async () => {
    const request = { ...REQUEST, destination: { path: 'continued' } };
    const [index, marker] = [join(stack.folder, 'continued/attachments/index.ndjson'), join(stack.folder, 'killed')];
    hospital.faults.add({ route: 'binary', times: 1, do: { kind: 'answer', status: 404 } });
    const kill: KillPoint = { on: 'named', what: 'attachments/index\\.ndjson$' };
    const killed = await startWorkerProcess(stack, { KILL_POINT: JSON.stringify(kill), KILL_MARKER: marker });
    const first = await stack.start(request);
    await expect.poll(() => existsSync(marker), { timeout: 60_000 }).toBe(true);
    await killWorker(killed);
    await first.handle.terminate();
    expect(await readFile(index, 'utf8')).toContain('HTTP 404');
    expect(existsSync(join(stack.folder, 'continued/manifest.json'))).toBe(false);

    const worker = await startWorkerProcess(stack);
    const report = await stack.run(request);
    await killWorker(worker);
    await expectAllAttachments(report);
  });
});
