import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Command } from 'commander';
import { newCommand, wholeNumberFrom } from './arguments.ts';

/** `fhir-bulk-export codec-server` */
export function codecServerCommand(): Command {
  return newCommand(
    'codec-server',
    {
      summary: 'decrypt payloads for the Web UI and the CLI of Temporal',
      description:
        'Decrypts payloads for the Web UI and the CLI of Temporal, until SIGINT or SIGTERM. Keys come from ' +
        'BULK_EXPORT_ENCRYPTION_KEYS or the file BULK_EXPORT_ENCRYPTION_KEYS_FILE; the bearer token that is asked for ' +
        'from BULK_EXPORT_CODEC_TOKEN or the file BULK_EXPORT_CODEC_TOKEN_FILE.',
    },
    [
      ['codec-server --origin https://temporal.example', 'behind a proxy with TLS'],
      ['codec-server --origin http://127.0.0.1:8233 --no-token', 'for whoever is at this machine'],
    ],
  )
    .option('--port <number>', 'default: 8888; 0: a free one', wholeNumberFrom(0, 65_535), 8888)
    .option('--host <address>', 'to listen at; for any but loopback, put a proxy with TLS before it', '127.0.0.1')
    .option('--origin <url>', 'of the Web UI, whose pages may ask; default: none')
    .option('--no-token', 'anybody may ask, on loopback only')
    .action(async (options: { port: number; host: string; origin?: string; token: boolean }) => {
      const { codecServer } = await import('../codec/codec-server.ts');
      const { codecServerSettings } = await import('../codec/codec-server-settings.ts');
      const { onStopSignal } = await import('../process/stop-signal.ts');
      const { port, host, ...settings } = codecServerSettings(
        { ...options, withoutToken: !options.token },
        process.env,
      );
      const server = codecServer(settings).listen(port, host);
      await once(server, 'listening');
      onStopSignal(() => {
        server.close();
        server.closeAllConnections();
      });
      const { port: taken } = server.address() as AddressInfo;
      process.stdout.write(`Codec server: http://${host.includes(':') ? `[${host}]` : host}:${taken}\n`);
    });
}
