/** Base64 and base64url runs long enough to hide something. */
const ENCODED = /[A-Za-z0-9+/_-]{16,}={0,2}/g;
/** Base64 in base64 occurs: payloads of Temporal that hold what a server sent. */
const DEPTH = 3;

/**
 * The secrets that are found in a text: as they are, percent-encoded, with backslashes, or in base64 to some depth.
 *
 * @param secrets texts that must not be there
 */
export function findSecrets(text: string, secrets: readonly string[]): string[] {
  const readable = readings(text, DEPTH);
  return secrets.filter((secret) => readable.some((one) => one.includes(secret)));
}

function readings(text: string, depth: number): string[] {
  const own = [text, percentDecoded(text), text.replaceAll('\\', '')];
  if (depth === 0) return own;
  const inner = (text.match(ENCODED) ?? []).flatMap(decodings).join('\n');
  return inner === '' ? own : [...own, ...readings(inner, depth - 1)];
}

/** Letters before it, such as those of a path, may shift a run: it is read from each of four beginnings. */
function decodings(run: string): string[] {
  const base64 = run.replaceAll('-', '+').replaceAll('_', '/');
  return [0, 1, 2, 3].map((from) => Buffer.from(base64.slice(from), 'base64').toString('latin1'));
}

function percentDecoded(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
