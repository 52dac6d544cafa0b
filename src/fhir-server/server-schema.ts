import * as v from 'valibot';
import { AuthSchema } from '../auth/schemes/index.ts';
import { HttpUrl, Mapping, Origin, Text } from '../config/fields.ts';
import { secretFields } from '../auth/schemes/secret-fields.ts';
import { resolveSettings } from '../profiles/resolve.ts';
import { AllowField } from './allow.ts';
import { HeaderName } from './header-names.ts';
import { ProfileField, SETTINGS_FIELDS } from './settings-schema.ts';

/** A FHIR server that a worker knows. */
export type ServerConfig = v.InferOutput<typeof ServerSchema>;

/** Without a slash at its end: paths are appended to it. */
const BaseUrl = v.pipe(
  Text,
  v.rawCheck(({ dataset, addIssue }) => {
    const base = dataset.typed ? baseOfKickOff(dataset.value) : undefined;
    if (base === undefined) return;
    const fix = `write the base alone, ${base}: each request says its level and Group`;
    addIssue({ message: `is the URL of a kick-off; ${fix}` });
  }),
  HttpUrl,
  v.transform((url) => url.replace(/\/+$/, '')),
);

const TlsFields = v.pipe(
  Mapping,
  v.strictObject({ caFile: v.optional(Text), certFile: v.optional(Text), keyFile: v.optional(Text) }),
  v.check(
    ({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined),
    'must have both certFile and keyFile, or neither',
  ),
);

const ProxyUrl = v.pipe(
  Text,
  v.check(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !text.includes('@'),
    'must be a URL such as http://proxy.example:3128, without a user name (see proxyCredentialsFile)',
  ),
);

/** An entry of `servers`. */
export const ServerSchema = v.pipe(
  Mapping,
  v.strictObject({
    baseUrl: BaseUrl,
    tls: v.optional(TlsFields),
    /** Default: that of the environment. */
    proxy: v.optional(ProxyUrl),
    /** `user:password` for the proxy, whichever it is. Default: those of the environment's. */
    ...secretFields('proxyCredentials'),
    /** Seconds without response headers, or with next to nothing of a body, after which an attempt is ended. Default 60. */
    stallSeconds: v.optional(
      v.pipe(v.number('must be a number'), v.minValue(1, 'must be 1 to 3600'), v.maxValue(3600, 'must be 1 to 3600')),
    ),
    auth: v.optional(AuthSchema, { type: 'none' }),
    /** Origins besides that of `baseUrl` that get the token. */
    fileOrigins: v.optional(v.array(Origin, 'must be a list of origins'), []),
    /** What kind of server it is, and where it differs from its kind: see {@link ServerSettings}. */
    profile: ProfileField,
    ...SETTINGS_FIELDS,
    /** What requests may ask of it. Default: anything. */
    allow: AllowField,
    /** `full`: every line of a file is parsed; `fast`: only those that do not look right. Default `fast`. */
    checks: v.optional(v.picklist(['fast', 'full'], 'must be fast or full'), 'fast'),
    /** Sent to the origins that get the token, too. */
    headers: v.optional(
      v.pipe(Mapping, v.record(HeaderName, v.pipe(Text, v.regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII')))),
      {},
    ),
  }),
  v.forward(
    v.check(({ clientIdHeader, auth }) => clientIdHeader == null || 'clientId' in auth, 'needs auth with a clientId'),
    ['clientIdHeader'],
  ),
  v.check(
    ({ proxyCredentialsFile, proxyCredentialsEnv }) =>
      proxyCredentialsFile === undefined || proxyCredentialsEnv === undefined,
    'must have at most one of proxyCredentialsFile and proxyCredentialsEnv',
  ),
  v.check(
    (server) => resolveSettings(server).clientIdHeader === undefined || isPrintable(server.auth),
    'auth.clientId must be printable ASCII, because it is sent in a header (clientIdHeader)',
  ),
);

/** What comes before an operation such as `Patient/$export`, without a password; undefined: the URL names none. */
function baseOfKickOff(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, host, pathname } = new URL(text);
  const [, base] = /^(.*?)(?:\/Patient|\/Group\/[^/]*)?\/(?:\$|%24)[\w-]*export\/*$/.exec(pathname) ?? [];
  return base === undefined ? undefined : `${protocol}//${host}${base}`;
}

function isPrintable(auth: object): boolean {
  return !('clientId' in auth) || /^[\x20-\x7e]*$/.test(String(auth.clientId));
}
