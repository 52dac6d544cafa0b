import type { AddressInfo } from 'node:net';
import type { Command } from 'commander';
import { newCommand, wholeNumberFrom } from './arguments.ts';
import { UsageError } from './exit-codes.ts';

/** `fhir-bulk-export serve` */
export function serveCommand(): Command {
  return newCommand(
    'serve',
    {
      summary: 'serve an exported folder as a FHIR server with Bulk Data $export, for other tools',
      description:
        'Serves a folder with a complete export as a FHIR server with Bulk Data $export: absolute URLs, ranges, gzip. ' +
        'Without authorization, so on loopback only, unless --host says otherwise. Until Ctrl-C.',
    },
    [
      ['serve exports/hospital-a/group-diabetes-full-117a66', 'at http://127.0.0.1:8090/fhir'],
      ['serve exports/hospital-a/patient-full-117a66 --port 0', 'at a free port'],
    ],
  )
    .argument('<folder>', 'with the manifest.json of a complete export')
    .option('--port <number>', 'default: 8090; 0: a free one', wholeNumberFrom(0, 65_535), 8090)
    .option('--host <address>', 'to listen at; default: 127.0.0.1', '127.0.0.1')
    .action(async (folder: string, { port, host }: { port: number; host: string }) => {
      const { readExported } = await import('./serve/exported.ts');
      const { BASE_PATH, exportServer } = await import('./serve/server.ts');
      const { isLoopback } = await import('../http/check-url.ts');
      // An empty one, such as of a variable that is not set, would mean all addresses.
      if (host === '') throw new UsageError('--host is empty.');
      const exported = await readExported(folder);
      const server = exportServer(exported);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen(port, host, resolve);
      });
      const { address, family, port: taken } = server.address() as AddressInfo;
      const base = `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}${BASE_PATH}`;
      process.stdout.write(
        `FHIR base URL: ${base} (${exported.files.length} files of ${exported.folder}). Ctrl-C stops it.\n`,
      );
      if (!isLoopback(new URL(base))) {
        process.stderr.write(`Whoever reaches ${address} can read these data: there is no authorization.\n`);
      }
    });
}
