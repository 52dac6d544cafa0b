import { expect, test } from 'vitest';
import { startSampleServer } from '../dev/sample-server/index.ts';

test('quick', async () => {
  const server = await startSampleServer();
  const headers = { accept: 'application/fhir+json', prefer: 'respond-async' };
  const k = await fetch(`${server.baseUrl}/$export`, { headers });
  console.log(k.status, Object.fromEntries(k.headers), await k.text());
  const url = k.headers.get('content-location')!;
  for (let i = 0; i < 3; i++) {
    const s = await fetch(url, { headers: { accept: 'application/json' } });
    console.log(s.status, Object.fromEntries(s.headers));
    if (s.status === 200) {
      const m: any = await s.json();
      console.log(JSON.stringify(m, null, 1));
      for (const f of m.output) {
        const r = await fetch(f.url);
        const t = await r.text();
        console.log(r.status, f.type, t.length, t.split('\n').length - 1, t.split('\n')[0]!.slice(0, 1500));
        for (const l of t.split('\n').slice(0, -1)) JSON.parse(l);
      }
    }
  }
  server.faults.add({
    route: 'kickOff',
    do: { kind: 'answer', status: 503, headers: { 'Retry-After': '1' }, body: 'x' },
  });
  expect((await fetch(`${server.baseUrl}/$export`, { headers })).status).toBe(503);
  console.log(server.journal.map((e) => [e.method, e.route, e.status, e.bytesSent, e.finished, e.jobId].join(' ')));
  console.log(server.expectedFiles().slice(0, 2));
  await server.close();
  const t0 = Date.now();
  const big = await startSampleServer({ patients: 5000, linesPerFile: 20000 });
  await fetch(`${big.baseUrl}/$export`, { headers });
  await big.filesWritten();
  console.log(
    Date.now() - t0,
    'ms',
    big.expectedFiles().reduce((a, f) => a + f.bytes, 0),
  );
  await big.close();
}, 60000);
