import { mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../../src/process/secret.ts';

const folder = mkdtempSync(join(tmpdir(), 'secret-'));
const file = join(folder, 'secret');
const LONG_AGO = new Date('2001-01-01T00:00:00Z');

beforeEach(() => rmSync(file, { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a secret in a file', () => {
  test.each([
    ['without a newline at its end', 'one\n', 'one'],
    ['without a newline of Windows at its end', 'one\r\n', 'one'],
    ['without a byte order mark', '\ufeffone', 'one'],
    ['with its spaces and other newlines, which may be part of it', ' o\nne \n\n', ' o\nne \n'],
  ])('is read %s', async (_, content, text) => {
    writeFileSync(file, content);
    expect(await new Secret({ file }).text()).toBe(text);
  });

  test('is read again when the file has been written again', async () => {
    const secret = new Secret({ file });
    writeFileSync(file, 'one');
    expect(await secret.text()).toBe('one');
    await new Promise((resolve) => setTimeout(resolve, 20));
    writeFileSync(file, 'two');
    expect(await secret.text()).toBe('two');
  });

  test('is read again when another file of the same age and size has taken its place', async () => {
    const secret = new Secret({ file });
    for (const text of ['one', 'two']) {
      writeFileSync(`${file}.new`, text);
      utimesSync(`${file}.new`, LONG_AGO, LONG_AGO);
      renameSync(`${file}.new`, file);
      expect(await secret.text()).toBe(text);
    }
  });

  test('is read again when the link to it leads elsewhere', async () => {
    const secret = new Secret({ file });
    for (const text of ['one', 'two']) {
      writeFileSync(join(folder, text), text);
      utimesSync(join(folder, text), LONG_AGO, LONG_AGO);
      rmSync(file, { force: true });
      symlinkSync(join(folder, text), file);
      expect(await secret.text()).toBe(text);
    }
  });

  test('that was away is read when it is there', async () => {
    const secret = new Secret({ file });
    await expect(secret.text()).rejects.toThrow(/ENOENT/);
    writeFileSync(file, 'one');
    expect(await secret.text()).toBe('one');
  });
});

test('a secret in the environment is what the variable holds now', async () => {
  const secret = new Secret({ env: 'SECRET_OF_THIS_TEST' });
  process.env['SECRET_OF_THIS_TEST'] = 'one\n';
  expect(await secret.text()).toBe('one');
  process.env['SECRET_OF_THIS_TEST'] = 'two';
  expect(await secret.text()).toBe('two');
  delete process.env['SECRET_OF_THIS_TEST'];
});

describe('a secret that is not there names its place', () => {
  const empty = join(folder, 'empty');
  writeFileSync(empty, '\n');
  test.each([
    ['no file', { file: join(folder, 'nowhere') }, /\/nowhere cannot be read \(ENOENT\)$/],
    ['a folder', { file: folder }, /\/secret-\w+ cannot be read \(EISDIR\)$/],
    ['an empty file', { file: empty }, /\/empty is empty$/],
    ['no variable', { env: 'NO_SUCH_VARIABLE_HERE' }, /variable NO_SUCH_VARIABLE_HERE is not set$/],
  ])('%s', async (_, source, detail) => {
    await expect(new Secret(source).text()).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringMatching(detail),
    });
  });
});
