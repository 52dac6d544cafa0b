import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { findGateway, gatewayVersion } from '../../dev/s3/find-gateway.ts';
import { startGateway } from '../../dev/s3/gateway.ts';
import { projectRoot } from '../../src/programs/project.ts';
import { hasS3 } from '../support/s3.ts';

test('the version of the S3 gateway is that of the Go module', async () => {
  const module = await readFile(join(projectRoot, 'tools/versitygw/go.mod'), 'utf8');
  expect(module).toContain(`github.com/versity/versitygw ${gatewayVersion}`);
});

test('VERSITYGW is not passed over when it does not work', async () => {
  const find = (program: string) => findGateway(() => {}, { VERSITYGW: program });
  await expect(find('/does/not/exist')).rejects.toThrow('VERSITYGW does not work: /does/not/exist was not found');
  await expect(find(process.execPath)).rejects.toThrow('is not versitygw');
});

test('without any way to get one the message says what to install', async () => {
  const env = { PATH: '/does/not/exist', XDG_CACHE_HOME: '/dev/null', LOCALAPPDATA: '/dev/null', HOME: '/dev/null' };
  await expect(findGateway(() => {}, env)).rejects.toThrow(/No S3 gateway\. What was tried:[^]*VERSITYGW/);
});

test.skipIf(!hasS3)('the gateway ends when it is stopped', async () => {
  const gateway = await startGateway(inject('versitygw'));
  expect((await fetch(gateway.endpoint)).status).toBe(403);
  await gateway.stop();
  await gateway.stop();
  await expect(fetch(gateway.endpoint)).rejects.toThrow();
});
