import { useEmbeddedServer } from '../../src/temporal-server/embedded.ts';

/** Uses the embedded server in a process of its own until SIGTERM. Run from the build in dist/. */
const server = await useEmbeddedServer(async () => process.env['TEMPORAL_CLI'] ?? '');
console.log(JSON.stringify({ address: server.address, uiUrl: server.uiUrl, folder: server.folder }));
const stay = setInterval(() => {}, 1000);
process.once('SIGTERM', () => {
  clearInterval(stay);
  void server.release();
});
