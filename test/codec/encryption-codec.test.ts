import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Payload } from '@temporalio/common';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EncryptionCodec } from '../../src/codec/encryption-codec.ts';
import type { PayloadKey } from '../../src/codec/payload-keys.ts';
import { payloadKeysOf } from '../../src/codec/payload-keys.ts';

const key = (id: string): PayloadKey => ({ id, key: randomBytes(32) });
const [may, november] = [key('2026-05'), key('2026-11')];
const codec = new EncryptionCodec([november, may]);

const plain = defaultPayloadConverter.toPayload({ patient: ['Patient/4711'] });
const encrypted = async (payload = plain, by = codec): Promise<Payload> => (await by.encode([payload]))[0] as Payload;
const contentOf = async (payload: Payload, by = codec): Promise<unknown> =>
  defaultPayloadConverter.fromPayload((await by.decode([payload]))[0] as Payload);
const textOf = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('latin1');

describe('a payload that is encrypted', () => {
  test('is what it was when it is decrypted, with its metadata', async () => {
    const payloads: Payload[] = [
      plain,
      { metadata: {}, data: new Uint8Array() },
      { metadata: { a: Buffer.from('b') } },
    ];
    for (const payload of payloads) {
      const [back] = await codec.decode(await codec.encode([payload]));
      expect(Buffer.from(back?.data ?? [])).toEqual(Buffer.from(payload.data ?? []));
      expect(Object.entries(back?.metadata ?? {}).map(([name, value]) => [name, textOf(value)])).toEqual(
        Object.entries(payload.metadata ?? {}).map(([name, value]) => [name, textOf(value)]),
      );
    }
  });

  test('shows the id of its key and nothing of what it was', async () => {
    const { metadata, data } = await encrypted();
    expect(textOf(metadata?.['encoding'])).toBe('binary/aes-256-gcm');
    expect(textOf(metadata?.['encryption-key-id'])).toBe('2026-11');
    expect(Object.keys(metadata ?? {})).toHaveLength(2);
    expect(textOf(data)).not.toMatch(/4711|json\/plain/);
  });

  test('is another one each time', async () => {
    const [one, other] = await codec.encode([plain, plain]);
    expect(textOf(one?.data)).not.toBe(textOf(other?.data));
    expect(textOf(one?.data).slice(0, 12)).not.toBe(textOf(other?.data).slice(0, 12));
  });

  test('is decrypted with an older key, and not without it', async () => {
    const old = await encrypted(plain, new EncryptionCodec([may]));
    expect(await contentOf(old)).toEqual({ patient: ['Patient/4711'] });
    await expect(contentOf(old, new EncryptionCodec([november]))).rejects.toThrow(
      'A payload is encrypted with the key "2026-05", which is not here: here is 2026-11',
    );
  });

  test('is refused when any of its bytes was changed, or some are missing', async () => {
    const { metadata, data = null } = await encrypted();
    const bytes = Buffer.from(data ?? []);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      await expect(codec.decode([{ metadata, data: changed } as Payload])).rejects.toThrow(
        'A payload cannot be decrypted: it was changed, or the key 2026-11 is not the one that encrypted it',
      );
    }
    for (const length of [0, 11, 27, bytes.length - 1]) {
      const cut = { metadata, data: bytes.subarray(0, length) } as Payload;
      await expect(codec.decode([cut])).rejects.toThrow('cannot be decrypted');
    }
    await expect(codec.decode([{ metadata } as Payload])).rejects.toThrow('cannot be decrypted');
  });

  test('is refused under the name of another key, also if that is the same key', async () => {
    const { data, metadata } = await encrypted();
    const twin = new EncryptionCodec([november, { ...november, id: 'twin' }]);
    const renamed = { data, metadata: { ...metadata, 'encryption-key-id': Buffer.from('twin') } } as Payload;
    await expect(twin.decode([renamed])).rejects.toThrow('cannot be decrypted');
  });
});

test('a payload that is not encrypted stays as it is', async () => {
  expect(await codec.decode([plain])).toEqual([plain]);
});

describe('keys', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keys-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const [first, second] = [randomBytes(32), randomBytes(32)];
  const [one, two] = [`a:${first.toString('base64')}`, `b.2:${second.toString('base64')}`];
  const inVariable = (text: string) => payloadKeysOf({ BULK_EXPORT_ENCRYPTION_KEYS: text });

  test('come from a variable or a file, the active one first', async () => {
    const keys = [
      { id: 'b.2', key: second },
      { id: 'a', key: first },
    ];
    expect(inVariable(`${two},${one}`)).toEqual(keys);
    expect(inVariable(` ${two} \n\n ${one}\n`)).toEqual(keys);
    const file = join(folder, 'keys');
    await writeFile(file, `\ufeff# made in November, replaces a\r\n${two}\r\n  # older\r\n${one}\r\n`);
    expect(payloadKeysOf({ BULK_EXPORT_ENCRYPTION_KEYS_FILE: file })).toEqual(keys);
  });

  test('are not there when neither is set', () => {
    expect(payloadKeysOf({})).toBeUndefined();
    expect(payloadKeysOf({ BULK_EXPORT_ENCRYPTION_KEYS: '', BULK_EXPORT_ENCRYPTION_KEYS_FILE: '' })).toBeUndefined();
  });

  test.each([
    ['a key without an id', first.toString('base64'), 'entry 1: write id:key'],
    ['an id with other characters', `a b:${first.toString('base64')}`, 'entry 1: write id:key'],
    [
      'a short key',
      `${one},c:${randomBytes(31).toString('base64')}`,
      'entry 2: write id:key|the key c must be 32 bytes',
    ],
    ['a long key', `c:${randomBytes(33).toString('base64')}`, 'the key c must be 32 bytes'],
    ['a key in hex', `c:${first.toString('hex')}`, 'the key c must be 32 bytes'],
    ['an id twice', `${one}\n${one}`, 'the id a is there twice'],
    ['nothing but a comment', '# none', 'there is no key'],
  ])('%s is refused, and the text of no key is shown', (_name, text, fault) => {
    expect(() => inVariable(text)).toThrow(new RegExp(fault));
    try {
      inVariable(text);
    } catch (error) {
      for (const secret of text.match(/[A-Za-z0-9+/]{20,}/g) ?? []) expect(String(error)).not.toContain(secret);
    }
  });

  test('a file that cannot be read is named, and so is a choice between two', () => {
    const file = join(folder, 'none');
    expect(() => payloadKeysOf({ BULK_EXPORT_ENCRYPTION_KEYS_FILE: file })).toThrow(`${file} cannot be read (ENOENT)`);
    expect(() => payloadKeysOf({ BULK_EXPORT_ENCRYPTION_KEYS_FILE: file, BULK_EXPORT_ENCRYPTION_KEYS: one })).toThrow(
      'are both set',
    );
  });
});
