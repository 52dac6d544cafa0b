import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { localConfig } from '../../src/cli/export/configuration.ts';
import { nameOfUrl, pathOf, workflowIdOf } from '../../src/cli/export/names.ts';
import { requestOf } from '../../src/cli/export/request-of.ts';
import { howToGoOn } from '../../src/cli/one-export.ts';
import { parseConfig } from '../../src/config.ts';
import type { ExportRequest } from '../../src/contract.ts';
import { faultOfPath } from '../../src/policy/request/validate-path.ts';

test('a URL gives a name that a person knows; URLs that might have the same one get a hash', () => {
  expect(nameOfUrl('https://fhir.example.org/r4')).toBe('fhir.example.org_r4');
  expect(nameOfUrl('https://fhir.example.org/r4/')).toBe('fhir.example.org_r4');
  expect(nameOfUrl('https://fhir.example.org')).toBe('fhir.example.org');
  const others = [
    'https://a/b_c',
    'https://a/x/b_c',
    'https://a:8443/b',
    'http://localhost:8080/b',
    'http://[::1]:1/b',
  ];
  const names = others.map(nameOfUrl);
  expect(new Set(names).size).toBe(others.length);
  for (const name of [...names, nameOfUrl(`https://${'long'.repeat(15)}.example/${'x'.repeat(200)}`)]) {
    const text = JSON.stringify({
      servers: { [name]: { baseUrl: 'https://a.example' } },
      destinations: { d: { type: 'directory', path: '.' } },
    });
    expect(Object.keys(parseConfig(text, 'names').servers)).toEqual([name]);
  }
});

test('folder and workflow id follow from the request, and differ when it does', () => {
  const request: ExportRequest = { server: 'a', level: 'group', groupId: '..x', parameters: { _type: ['Patient'] } };
  const since: ExportRequest = {
    ...request,
    parameters: { _type: ['Patient'], _since: '2026-01-01T00:00:00.000+01:00' },
  };
  expect(pathOf(request)).toMatch(/^a\/group-%2E%2Ex-full-[0-9a-f]{6}$/);
  expect(pathOf(since)).toMatch(/^a\/group-%2E%2Ex-since-20260101T0000000000100-[0-9a-f]{6}$/);
  expect(faultOfPath(pathOf({ ...since, server: '...' }))).toBeUndefined();
  expect(pathOf({ ...request, deadline: 'P1D' })).toBe(pathOf(request));
  expect(workflowIdOf(request, ['x'])).toBe(workflowIdOf({ ...request }, ['x']));
  const ids = [workflowIdOf(request, ['x']), workflowIdOf(request, ['y']), workflowIdOf(since, ['x'])];
  expect(new Set(ids).size).toBe(3);
});

test('a parameter may have any name, but is given once', () => {
  const faultOf = (options: Parameters<typeof requestOf>[1]): string => {
    try {
      return JSON.stringify(requestOf('a', options, undefined));
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
  };
  expect(faultOf({ parameter: ['constructor=x'] })).not.toContain('TypeError');
  expect(faultOf({ parameter: ['__proto__=x'] })).not.toContain('TypeError');
  const since = '2026-01-01T00:00:00Z';
  expect(faultOf({ since: 'last', parameter: [`_since=${since}`] })).toMatch(
    /UsageError: _since is given by an option/,
  );
  expect(faultOf({ type: ['Patient'], parameter: ['_type=Group'] })).toMatch(/UsageError: _type is given/);
  expect(faultOf({ parameter: [`_since=${since}`] })).toContain(since);
});

test('who wants the data and what for goes to the audit trail, and makes no other export', () => {
  const request = requestOf('a', { requestedBy: 'J. Doe', purpose: 'cohort of 2026' }, undefined);
  expect(request).toMatchObject({ requestedBy: 'J. Doe', purpose: 'cohort of 2026' });
  expect(workflowIdOf(request, [])).toBe(workflowIdOf(requestOf('a', {}, undefined), []));
  expect(() => requestOf('a', { requestedBy: 'x'.repeat(201) }, undefined)).toThrow('requestedBy');
});

test('what goes on with an export can be typed anywhere', () => {
  const command = { args: ['export', 'hospital', '--out', 'a b'], cwd: '/data', host: hostname() };
  const line = "fhir-bulk-export export hospital --out 'a b'";
  expect(howToGoOn({ command }, '/data')).toBe(line);
  expect(howToGoOn({ command }, '/home')).toBe(`cd /data && ${line}`);
  expect(howToGoOn({ command: { ...command, config: '/etc/it.yaml' } }, '/data')).toBe(
    `BULK_EXPORT_CONFIG=/etc/it.yaml ${line}`,
  );
  const named = { ...command, args: [...command.args, '--config', 'it.yaml'], config: '/data/it.yaml', host: 'other' };
  expect(howToGoOn({ command: named }, '/data')).toBe(`${line} --config it.yaml # on other`);
  expect(howToGoOn({}, '/data')).toBeUndefined();
});

test('a URL with a password is refused, and not repeated', async () => {
  const password = randomUUID();
  const refused = localConfig(`https://me:${password}@fhir.example.org/r4`, {}, '.');
  await expect(refused).rejects.toThrow(/^https:\/\/fhir.example.org\/r4 must not contain a user name or password/);
});

test('the audit trail of a configuration holds for a URL, too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'audited-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('BULK_EXPORT_CONFIG', undefined);
  const url = 'https://fhir.example.org/r4';
  const auditOf = async (options: Parameters<typeof localConfig>[1], cwd = folder) =>
    (await localConfig(url, options, cwd)).config.audit?.required;
  expect(await auditOf({ out: 'x' })).toBeUndefined();
  // The image names a file that need not be there.
  vi.stubEnv('BULK_EXPORT_CONFIG', join(folder, 'none.yaml'));
  expect(await auditOf({ out: 'x' })).toBeUndefined();
  await expect(auditOf({ out: 'x', config: 'none.yaml' })).rejects.toThrow('none.yaml cannot be read');
  // One that cannot be looked at may require a lot.
  await symlink('circle.yaml', join(folder, 'circle.yaml'));
  vi.stubEnv('BULK_EXPORT_CONFIG', join(folder, 'circle.yaml'));
  await expect(auditOf({ out: 'x' })).rejects.toThrow('circle.yaml cannot be read');

  const text = stringify({
    servers: { hospital: { baseUrl: url } },
    destinations: { lake: { type: 'directory', path: './lake' } },
    audit: { destination: { type: 'directory', path: './trail' }, required: true },
  });
  const file = join(folder, 'audited.yaml');
  await writeFile(file, text);
  expect(await auditOf({ out: 'x', config: 'audited.yaml' })).toBe(true);
  vi.stubEnv('BULK_EXPORT_CONFIG', file);
  expect(await auditOf({}, tmpdir())).toBe(true);
  vi.stubEnv('BULK_EXPORT_CONFIG', undefined);
  await writeFile(join(folder, 'fhir-bulk-export.yaml'), text);
  const { config, destination } = await localConfig(url, { out: 'x' }, folder);
  expect(config).toMatchObject({ audit: { required: true }, destinations: { out: { path: join(folder, 'x') } } });
  expect({ destination, servers: Object.keys(config.servers) }).toEqual({
    destination: 'out',
    servers: ['fhir.example.org_r4'],
  });
});
