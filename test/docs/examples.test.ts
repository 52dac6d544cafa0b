import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getExport } from '../../src/client.ts';
import { projectRoot } from '../../src/programs/project.ts';
import { temporalEnv } from '../support/real-worker.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

/** Contents of the files of a folder that end so. */
async function read(folder: string, ending: string): Promise<string[]> {
  const names = (await readdir(join(projectRoot, folder))).filter((name) => name.endsWith(ending));
  return Promise.all(names.map((name) => readFile(join(projectRoot, folder, name), 'utf8')));
}

const pages = [...(await read('.', 'README.md')), ...(await read('docs', '.md'))];
const examples = [...(await read('docs/examples', '.ts')), ...(await read('test/docs/examples', '.ts'))];
test('TypeScript on pages is that of examples, which tests run', () => {
  const blocks = pages.flatMap((text) => [...text.matchAll(/```ts\n([^]*?)```/g)].map(([, block]) => block as string));
  expect(blocks.length).toBeGreaterThan(8);
  expect(blocks.filter((block) => !examples.some((example) => example.includes(block)))).toEqual([]);
});

describe('an example does what its page says', () => {
  let stack: Stack;
  beforeAll(async () => {
    // The server that all files share runs no schedules.
    stack = await startStack({ servers: { hospital: { patients: 3, pollsUntilReady: 0 } }, temporalArgs: [] });
  });
  afterAll(() => stack?.close());

  const run = (name: string): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, [join(projectRoot, `dist/test/docs/examples/${name}.js`)], {
      env: { ...process.env, ...temporalEnv(stack) },
    });

  test('README: an export is started, and its report printed', async () => {
    const { stdout } = await run('start');
    expect(stdout).toContain("status: 'complete'");
    expect((await getExport(stack.client, 'ts-export').result()).byType).toHaveProperty('Observation');
  });

  test.each(['encrypted', 'traced'])('%s: an export is started', async (name) => {
    expect((await run(name)).stdout).toBe('complete\n');
  });

  // Temporal's own worker for schedules begins late on a busy machine.
  test('incremental: a schedule is created, triggered and paused', { timeout: 150_000 }, async () => {
    await run('schedule');
    const handle = stack.client.schedule.getHandle('nightly');
    const started = async () => (await handle.describe()).info.recentActions;
    await expect.poll(async () => (await started()).length, { timeout: 120_000 }).toBe(1);
    const [first] = await started();
    const report = await getExport(stack.client, first?.action.workflow.workflowId ?? '').result();
    expect(report).toMatchObject({ status: 'complete', mark: report.transactionTime });
    expect((await handle.describe()).state).toMatchObject({ paused: true, note: 'maintenance' });
  });
});
