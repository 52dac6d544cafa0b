import { readOutcome } from './operation-outcome.ts';

/** Longest quotation of a server's words in a failure. */
const LONGEST = 1500;

/**
 * A server's answer as words that an operator can read and that are safe to keep: the issues of an OperationOutcome,
 * the text of an HTML page (gateways answer so: Bulk Data IG 2.0 allows it), or the text itself. Queries of URLs are
 * taken out because they may be signatures; long texts are cut.
 */
export function quoteAnswer(body: string): string {
  const issues = readOutcome(body);
  if (issues !== undefined) {
    return tidy(
      issues.map(({ severity, code, text }) => `${severity}/${code}${text === '' ? '' : `: ${text}`}`).join('; '),
    );
  }
  if (/^\s*</.test(body)) {
    const withoutCode = body.replace(/<(script|style)\b[\s\S]*?(<\/\1\s*>|$)/gi, ' ');
    return tidy(`(a page, not FHIR) ${withoutCode.replace(/<[^>]*(>|$)/g, ' ')}`);
  }
  return tidy(body);
}

/** A URL without its query and fragment, which may be a signature, and without user information. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1');
}

/** One line without control characters and URL queries, cut to a length. */
export function tidy(text: string, longest: number = LONGEST): string {
  const line = removeQueries(text)
    // eslint-disable-next-line no-control-regex -- taking them out is the point
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
  if (line.length <= longest) return line;
  // Half a surrogate pair is no character.
  return `${line.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/**
 * Text with the queries and fragments of URLs, absolute or as paths, and user information taken out.
 *
 * The patterns go over the text once, whatever it is: it may be megabytes that were made to take long.
 */
export function removeQueries(text: string): string {
  return text.replace(/:\/\/[^\s/?#"<>]*@/g, '://').replace(/[?#](?<=\/[^\s"'<>?#]*.)[^\s"<>]*/g, '?…');
}

/** What a server says of an export of new members may name the patients that were sent, whom no history may. */
export function withoutWords(detail: string): string {
  return detail.replace(/:.*$/s, ' (its words are not kept: they may name patients)');
}
