import { isLoopback } from '../http/check-url.ts';
import type { CodecServerOptions } from './codec-server.ts';
import { EncryptionCodec } from './encryption-codec.ts';
import { KEYS_FILE_VARIABLE, KEYS_VARIABLE, payloadKeysOf } from './payload-keys.ts';
import { variableOrFile } from './variable-or-file.ts';

const TOKEN_VARIABLE = 'BULK_EXPORT_CODEC_TOKEN';
const TOKEN_FILE_VARIABLE = 'BULK_EXPORT_CODEC_TOKEN_FILE';
/** Characters; a shorter token could be guessed. */
const SHORTEST_TOKEN = 16;

/** As they are typed. */
interface Given {
  port: number;
  host: string;
  origin?: string | undefined;
  withoutToken: boolean;
}

/**
 * Checks how a codec server is to be started. Keys and token come from the environment.
 *
 * @throws Error for the user
 */
export function codecServerSettings(
  { port, host, origin, withoutToken }: Given,
  env: NodeJS.ProcessEnv,
): CodecServerOptions & { port: number; host: string } {
  const keys = payloadKeysOf(env);
  if (keys === undefined) throw new Error(`There are no keys: set ${KEYS_VARIABLE} or ${KEYS_FILE_VARIABLE}.`);
  const token = tokenOf(env);
  if (token !== undefined && withoutToken) throw new Error(`--no-token: but ${TOKEN_VARIABLE} or its file is set.`);
  if (token === undefined && !withoutToken) {
    throw new Error(`There is no token: set ${TOKEN_VARIABLE} or ${TOKEN_FILE_VARIABLE}, or --no-token on loopback.`);
  }
  if (withoutToken && !isLoopbackAddress(host)) throw new Error('--no-token: only with a --host on loopback.');
  return {
    port,
    host,
    codec: new EncryptionCodec(keys),
    token,
    ...(origin === undefined ? {} : { origin: originOf(origin) }),
  };
}

function tokenOf(env: NodeJS.ProcessEnv): string | undefined {
  const found = variableOrFile(env, TOKEN_VARIABLE, TOKEN_FILE_VARIABLE);
  if (found === undefined) return undefined;
  const token = found.text.trim();
  if (token.length < SHORTEST_TOKEN || /\s/.test(token)) {
    throw new Error(`The token of the codec server must have ${SHORTEST_TOKEN} characters or more, and no blanks.`);
  }
  return token;
}

/** As browsers write it. */
function originOf(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new Error('--origin must be a URL such as https://temporal.example');
  }
  return new URL(url).origin;
}

function isLoopbackAddress(host: string): boolean {
  const url = `http://${host.includes(':') ? `[${host}]` : host}`;
  return URL.canParse(url) && isLoopback(new URL(url));
}
