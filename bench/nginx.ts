import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killGroup, spawnOwned } from '../src/programs/child.ts';
import { freePorts, isListening } from '../src/temporal-server/ports.ts';

/** Milliseconds. */
const START_LIMIT = 10_000;

/** Addresses of the files, by the way in which they are served. */
export interface FileServer {
  plain: string;
  tls: string;
  /** As plain, with so many bytes a second for each connection. */
  limited: string;
  /** Answers of the limited server that have ended so far, also those whose connection broke. */
  limitedAnswers(): Promise<SentAnswer[]>;
  stop(): Promise<void>;
}

/** An answer as the log of nginx has it. */
export interface SentAnswer {
  /** Milliseconds since the epoch. */
  began: number;
  /** Of its body. */
  bytes: number;
}

/**
 * Serves files by nginx on loopback, because a server of this project would have its blind spots. Whatever its number,
 * `/<name>/<number>` is the file `<name>`; it is sent as it is or, where it was packed beside (`<name>.gz`), by gzip.
 *
 * @param folder for its own files
 * @param data folder of the files
 * @param limit bytes a second of a limited connection
 */
export async function startNginx(
  folder: string,
  data: string,
  certificate: { cert: string; key: string },
  limit: number,
): Promise<FileServer> {
  const [plain = 0, tls = 0, limited = 0] = await freePorts(3);
  await mkdir(join(folder, 'tmp'), { recursive: true });
  const limitedLog = join(folder, 'limited.log');
  // A master that runs as root would read the files as somebody who may not.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const files = `
      default_type application/fhir+ndjson;
      gzip_static on;
      location ~ ^/([a-z0-9-]+)/ { alias ${data}/$1; }`;
  await writeFile(
    join(folder, 'nginx.conf'),
    `
${user}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
events { worker_connections 512; }
http {
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  log_format timed '$msec $request_time $body_bytes_sent';
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/tmp;`).join('\n  ')}
  server { listen 127.0.0.1:${plain}; ${files} }
  server { listen 127.0.0.1:${limited}; limit_rate ${limit}; access_log ${limitedLog} timed; ${files} }
  server {
    listen 127.0.0.1:${tls} ssl;
    ssl_certificate ${certificate.cert};
    ssl_certificate_key ${certificate.key};
    ${files}
  }
}
`,
  );
  const child = spawnOwned('nginx', ['-e', join(folder, 'error.log'), '-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let fault: string | undefined;
  child.once('error', () => (fault = 'nginx is not on the PATH; install it (Debian: apt-get install nginx-light)'));
  child.once('exit', (code) => (fault ??= `nginx ended with exit code ${code}`));
  for (const deadline = Date.now() + START_LIMIT; !(await isListening(plain)); await sleep(50)) {
    if (fault !== undefined || Date.now() > deadline) throw new Error(fault ?? 'nginx does not listen');
  }
  return {
    plain: `http://127.0.0.1:${plain}`,
    tls: `https://127.0.0.1:${tls}`,
    limited: `http://127.0.0.1:${limited}`,
    limitedAnswers: async () => {
      const lines = (await readFile(limitedLog, 'utf8')).split('\n').filter((line) => line !== '');
      return lines.map((line) => {
        const [ended = 0, took = 0, bytes = 0] = line.split(' ').map(Number);
        return { began: (ended - took) * 1000, bytes };
      });
    },
    stop: async () => {
      const exited = once(child, 'exit');
      killGroup(child, 'SIGTERM');
      await exited;
    },
  };
}
