import { variableOrFile } from './variable-or-file.ts';

/** A key for AES-256, and the name by which payloads say that it encrypted them. */
export interface PayloadKey {
  id: string;
  /** 32 bytes. */
  key: Buffer;
}

/** The first one encrypts; the others only decrypt what was encrypted before they were replaced. */
export type PayloadKeys = readonly [PayloadKey, ...PayloadKey[]];

/** Variable that holds the keys. */
export const KEYS_VARIABLE = 'BULK_EXPORT_ENCRYPTION_KEYS';
/** Variable that names the file that holds them. */
export const KEYS_FILE_VARIABLE = 'BULK_EXPORT_ENCRYPTION_KEYS_FILE';

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** 32 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{43}=$/;

/**
 * The keys that the environment names, one `id:key` per line or between commas; lines that begin with `#` are comments.
 *
 * @returns undefined when it names none
 * @throws Error when they cannot be read or are malformed; never with the text of a key
 */
export function payloadKeysOf(env: NodeJS.ProcessEnv): PayloadKeys | undefined {
  const found = variableOrFile(env, KEYS_VARIABLE, KEYS_FILE_VARIABLE);
  return found === undefined ? undefined : parseKeys(found.text, found.place);
}

function parseKeys(text: string, place: string): PayloadKeys {
  const entries = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const keys = entries.map((entry, position) => parseKey(entry, `${place}: entry ${position + 1}`));
  const [active, ...others] = keys;
  // Nothing would be encrypted, although somebody has asked for it.
  if (active === undefined) throw new Error(`${place}: there is no key`);
  const twice = keys.find(({ id }, position) => keys.findIndex((other) => other.id === id) !== position);
  if (twice !== undefined) throw new Error(`${place}: the id ${twice.id} is there twice`);
  return [active, ...others];
}

function parseKey(entry: string, place: string): PayloadKey {
  const at = entry.indexOf(':');
  const id = entry.slice(0, Math.max(at, 0));
  if (!ID.test(id)) {
    throw new Error(`${place}: write id:key, the id of letters, digits, "-", "_" and ".", at most 64`);
  }
  const key = entry.slice(at + 1).trim();
  if (!KEY.test(key)) {
    throw new Error(`${place}: the key ${id} must be 32 bytes in base64, such as "openssl rand -base64 32" makes`);
  }
  return { id, key: Buffer.from(key, 'base64') };
}
