import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CliUser } from '../support/cli.ts';
import { newCliUser } from '../support/cli.ts';

const key = randomBytes(20).toString('hex');
let user: CliUser;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  user = await newCliUser();
  const place = { type: 'directory', path: 'b', retention: 'P1D' };
  const config = { servers: { a: { baseUrl: 'https://a.example' } }, destinations: { b: place } };
  await writeFile(join(user.folder, 'fhir-bulk-export.yaml'), JSON.stringify(config));
  env = { TEMPORAL_CONFIG_FILE: join(user.folder, 'temporal.toml') };
});
afterAll(() => user.leave());

test.each([['worker'], ['list'], ['remove-old']])(
  "%s: a fault in Temporal's configuration file is told by its line, without the API key beside it",
  async (command) => {
    const faulty = `[profile.default]\naddress = "t.example:7233"\napi_key = "${key}"\nnamespace =\n`;
    await writeFile(env['TEMPORAL_CONFIG_FILE'] as string, faulty);
    const { code, stdout, stderr } = await user.run([command], env);
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(`${env['TEMPORAL_CONFIG_FILE']}): Invalid TOML document: `);
    expect(stdout + stderr).toMatch(/, line [45]/);
    expect(stdout + stderr).not.toContain(key);
  },
);

test('what Temporal refuses for another reason is told as before', async () => {
  await writeFile(env['TEMPORAL_CONFIG_FILE'] as string, '[profile.default]\naddress = "t.example:7233"\n');
  const { stderr } = await user.run(['list'], { ...env, TEMPORAL_PROFILE: 'nowhere' });
  expect(stderr).toContain("): Profile 'nowhere' not found");
});
