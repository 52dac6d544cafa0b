import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';
import { getExport } from '../../src/client.ts';
import type { LinkServer } from '../support/link-server.ts';
import { startLinkServer } from '../support/link-server.ts';
import { temporalEnv } from '../support/real-worker.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { quiet, serverEntry, startStack } from '../support/stack.ts';

const page = await readFile(join(projectRoot, 'docs/steering.md'), 'utf8');
const run = promisify(execFile);
const LONG = { timeout: 60_000 };

let stack: Stack;
let hospital: LinkServer;

beforeAll(async () => {
  quiet();
  hospital = await startLinkServer({
    files: Array.from({ length: 8 }, (_, place) => ({ id: `p${place}`, type: 'Patient', lines: 2 })),
  });
  stack = await startStack({ servers: {}, workers: false, limits: { ...SHORT_LIMITS, outage: 600_000 } });
  stack.config.servers['hospital'] = serverEntry(hospital.origin, { maxConcurrentDownloads: 2 });
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await hospital.close();
});

const isAway = () => ({ status: 503, headers: { 'retry-after': '600' } });
const hasLost = (id: string) => (id === 'p0' ? { status: 404 } : undefined);
const needsAttention = () =>
  expect.poll(async () => (await getExport(stack.client, 'nightly').progress()).phase, LONG).toBe('needs-attention');

let askedBefore = 0;
const asked = () => hospital.asked.filter(({ id }) => id === 'p0').length;

/** What is to be so before a command is given. */
const BEFORE: Record<string, () => Promise<void>> = {
  pause: () =>
    expect.poll(async () => (await getExport(stack.client, 'nightly').progress()).trouble, LONG).toBeDefined(),
  pollNow: async () => {
    hospital.answer = hasLost;
  },
  progress: needsAttention,
  retryFiles: async () => {
    askedBefore = asked();
  },
  finishIncomplete: async () => {
    // The file is asked for three times, and then missing again.
    await expect.poll(asked, LONG).toBeGreaterThanOrEqual(askedBefore + 3);
    await needsAttention();
  },
  result: async () => {
    await getExport(stack.client, 'nightly')
      .result()
      .catch(() => {});
    hospital.answer = () => undefined;
  },
};

test('the commands of the page do what it shows', async () => {
  hospital.answer = isAway;
  const blocks = [...page.matchAll(/```console\n\$ (.*)\n([^]*?)```/g)];
  expect(blocks.length).toBeGreaterThan(8);
  for (const [, command = '', shown = ''] of blocks) {
    await BEFORE[subjectOf(command)]?.();
    const seen = await shell(command);
    expect(withoutValues(seen), command).toBe(withoutValues(shown));
  }
});

test('the TypeScript example is this file, which does what the page says', async () => {
  const path = fileURLToPath(new URL('examples/steer.ts', import.meta.url));
  expect(page).toContain(`\`\`\`ts\n${await readFile(path, 'utf8')}\`\`\`\n`);
  hospital.answer = hasLost;
  const { stdout } = await run(process.execPath, [join(projectRoot, 'dist/test/docs/examples/steer.js')], {
    env: { ...process.env, ...temporalEnv(stack) },
  });
  expect(stdout).toContain('needs-attention 7\n1 of 8 files could not be downloaded completely: Patient.00001.ndjson');
  expect(stdout).toMatch(/IncompleteExport 1 manifest\.partial\.json\n$/);
});

/** The update, signal or query that a command is about. */
function subjectOf(command: string): string {
  return /(?:--name |--type |\/update\/)(\w+)/.exec(command)?.[1] ?? (/workflow (\w+)/.exec(command)?.[1] as string);
}

/** Runs a command in this stack instead of the one that the page is about. */
async function shell(command: string): Promise<string> {
  const { httpUrl, namespace } = stack.temporal;
  const here = command
    .replace(/^temporal/, inject('temporalCli'))
    .replace('http://127.0.0.1:7243/api/v1/namespaces/default', `${httpUrl}/api/v1/namespaces/${namespace}`);
  const env = { ...process.env, ...temporalEnv(stack) };
  const { stdout, stderr } = await run('sh', ['-c', here], { env }).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  return `${stdout}${stderr}`;
}

/** Times, ids and places differ. */
function withoutValues(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
    .replace(/[^":\s]+\/(?:nightly|hourly)\/ID/g, 'PLACE')
    .replace(/Namespace +\S+/g, 'NAMESPACE')
    .replace(/\n *StackTrace:[^]*/, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/ $/gm, '')
    .replace(/"polls":\d+/g, '"polls":N')
    .replace(/"fetchedAgain":\{[^}]*\}/g, '"fetchedAgain":{}')
    .trim();
}
