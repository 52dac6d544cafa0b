import * as v from 'valibot';
import { alternatives } from '../../config/list-names.ts';
import { Secret } from '../../process/secret.ts';
import { basic } from './basic.ts';
import { bearer } from './bearer.ts';
import { clientSecret } from './client-secret.ts';
import { none } from './none.ts';
import type { Credentials } from './scheme.ts';
import { smartBackend } from './smart-backend.ts';

/** All schemes, in the order in which they are named to people. */
const SCHEMES = [
  smartBackend, //
  clientSecret,
  basic,
  bearer,
  none,
] as const;

/** How a worker proves itself to a FHIR server. Secrets come from files or the environment, never from the YAML text. */
export type AuthConfig = v.InferOutput<typeof AuthSchema>;

/** Names of all schemes' secrets; the fields are `<name>File` and `<name>Env`. */
export const SECRET_NAMES: readonly string[] = SCHEMES.flatMap(({ secretName }) => secretName ?? []);

/** The field `auth` of a server. */
export const AuthSchema = v.pipe(
  v.variant(
    'type',
    SCHEMES.map(({ schema }) => schema),
    `must have a type: ${alternatives(SCHEMES.map(({ type }) => type))}`,
  ),
  // Runs even when other fields are wrong, so that every fault is named at once.
  v.rawCheck(({ dataset, addIssue }) => {
    const auth = dataset.value as { type?: unknown } | null;
    const name = SCHEMES.find(({ type }) => type === auth?.type)?.secretName;
    if (name === undefined) return;
    const given = [`${name}File`, `${name}Env`].filter((key) => key in (auth as object));
    if (given.length !== 1) addIssue({ message: `must have exactly one of ${name}File and ${name}Env` });
  }),
);

/** How the requests to a server with this `auth` are authorized. */
export function credentialsOf(auth: AuthConfig): Credentials {
  const scheme = SCHEMES.find(({ type }) => type === auth.type);
  if (scheme === undefined) throw new TypeError(`no such scheme: ${auth.type}`);
  const { secretName } = scheme;
  const fields = auth as unknown as Readonly<Record<string, string | undefined>>;
  const secret = new Secret({ file: fields[`${secretName}File`], env: fields[`${secretName}Env`] });
  return scheme.credentials(auth as never, secret);
}
