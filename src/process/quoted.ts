/**
 * A text as a value in a query for Temporal's visibility. The parser ends a text at a single quote, unless it is doubled,
 * and takes a backslash for the beginning of an escape (tried with the development server 1.31). What has a backslash or a
 * double quote is found by no query there; but the query is one, and asks for nothing else.
 */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
