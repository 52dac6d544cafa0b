/** Beyond ASCII, a space or control character, the beginning of a fragment, or a `%` that begins no escape. */
const NOT_IN_A_QUERY = /[^\x21-\x7e]|#|%(?![0-9A-Fa-f]{2})/gu;

/** The `+` between a time and its zone: whoever decodes forms reads a space there. */
const ZONE = /(?<=T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\+(?=\d{2}:\d{2})/g;

/**
 * Percent-encodes what cannot stand in the query of a URL (RFC 3986, 3.4), and leaves what is encoded already. A
 * `_typeFilter` is such a query, whatever carries it: HAPI FHIR decodes it byte by byte, so it silently finds nothing
 * for a bare letter beyond ASCII and refuses a bare space; the SMART reference server decodes it as a form.
 *
 * ASCII punctuation stays: servers, and FHIR's own examples, write `|` bare. So does a `+` that is not that of a zone: it
 * may mean a space, or, to HAPI, itself.
 *
 * @throws URIError for half a surrogate pair
 */
export function encodeTypeFilter(filter: string): string {
  return filter.replace(NOT_IN_A_QUERY, encodeURIComponent).replace(ZONE, '%2B');
}
