import * as v from 'valibot';
import { isObject } from '../fhir/is-object.ts';
import { isLoopback } from '../http/check-url.ts';

/** A mapping of YAML; to the schema library lists are objects, too. */
export const Mapping = v.custom<Record<string, unknown>>(isObject, 'must be a mapping');

/** Text that is not empty. */
export const Text = v.pipe(v.string('must be text'), v.nonEmpty('must not be empty'));

/** Path of a folder. What is meant for something that replaces it would become the name of a folder here. */
export const FolderPath = v.pipe(
  Text,
  v.check((text) => !looksLikeUrl(text), 'must be a folder, not a URL; a bucket has type: s3'),
  v.check((text) => !beginsAtHome(text), 'must be a whole path; nothing here replaces "~" by your home folder'),
);

/** Whether a text that should be a path begins with the scheme of a URL; drives of Windows have one letter. */
export function looksLikeUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text);
}

/** Whether a path begins with what a shell replaces by the home folder, if it stands at the beginning of an argument. */
export function beginsAtHome(path: string): boolean {
  return /^~(\/|$)/.test(path);
}

/** An `https:` URL without credentials and query, or an `http:` one on loopback. */
export const HttpUrl = v.pipe(
  Text,
  v.rawTransform(({ dataset, addIssue }) => {
    const fault = faultOfUrl(dataset.value);
    if (fault !== undefined) addIssue({ message: fault });
    return dataset.value;
  }),
);

/** The origin of an {@link HttpUrl}; a path behind it is ignored. */
export const Origin = v.pipe(
  HttpUrl,
  v.transform((url) => (URL.canParse(url) ? new URL(url).origin : url)),
);

/** A whole number between two limits, both included. */
export function wholeNumber(lowest: number, highest: number) {
  const range = `must be ${lowest} to ${highest}`;
  return v.pipe(
    v.number('must be a number'),
    v.integer('must be a whole number'),
    v.minValue(lowest, range),
    v.maxValue(highest, range),
  );
}

/** Plain http would show the data and the token to everybody on the way (Bulk Data IG, security considerations). */
function faultOfUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL such as https://fhir.example/r4';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password; use auth';
  if (url.search !== '' || url.hash !== '') return 'must not contain "?" or "#"';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))) return undefined;
  return url.protocol === 'http:' ? 'must be https: (http: is allowed on loopback only)' : 'must be https:';
}
