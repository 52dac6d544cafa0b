import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The FHIR side of a measurement, as a process of its own: its jobs are ready at once, and their files are with another
 * server. The group's id says which: `<files>.<bytes of each>.<name>.<way>`, where a way is a key of the origins given
 * as the argument. Prints its base URL when it listens, and sends its parent the time of each kick-off, in milliseconds
 * since the epoch.
 */
const origins = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>;

const server = createServer((request, response) => {
  const { method = 'GET', url = '' } = request;
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kickOff = /^\/Group\/([^/]+)\/\$export/.exec(url);
  const status = /^\/status\/([^/]+)/.exec(url);
  if (kickOff !== null) {
    process.send?.({ kind: 'kickOff', at: Date.now() });
    response.writeHead(202, { 'content-location': `${base}/status/${kickOff[1]}` }).end();
  } else if (method === 'GET' && status !== null) {
    const [files, bytes, name, way = 'plain'] = (status[1] ?? '').split('.');
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        transactionTime: '2026-01-01T00:00:00Z',
        request: `${base}/$export`,
        requiresAccessToken: false,
        output: Array.from({ length: Number(files) }, (_, number) => ({
          type: 'Patient',
          url: `${origins[way]}/${name}/${number}`,
          ...(bytes === '0' ? {} : { fileSize: Number(bytes) }),
        })),
        error: [],
      }),
    );
  } else if (url.startsWith('/metadata')) {
    response
      .writeHead(200, { 'content-type': 'application/fhir+json' })
      .end(JSON.stringify({ resourceType: 'CapabilityStatement', fhirVersion: '4.0.1', rest: [{ mode: 'server' }] }));
  } else response.writeHead(method === 'DELETE' ? 202 : 404).end();
});
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on('disconnect', () => process.exit());
