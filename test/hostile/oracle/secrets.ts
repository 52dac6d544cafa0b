import { CONTENT_MARK } from '../content.ts';
import type { Evidence } from './evidence.ts';

/** Bytes of one payload. */
const LARGEST = 64 * 1024;

/** No secret and no content in what Temporal keeps, and nothing large; no secret at the destination when all is done. */
export function judgeSecrets({ history, journal, ending, folder }: Evidence): string[] {
  const problems: string[] = [];
  const secrets = [...journal.secrets];
  for (const text of history) {
    const what = text.slice(0, 40);
    if (secrets.some((secret) => text.includes(secret))) problems.push(`a secret in: ${what}`);
    if (text.includes(CONTENT_MARK)) problems.push(`content of a resource in: ${what}`);
    if (text.length > LARGEST) problems.push(`${text.length} bytes in: ${what}`);
  }
  for (const [name, bytes] of folder) {
    if (ending.kind !== 'complete' && name.startsWith('.export/')) continue;
    const text = bytes.toString('latin1');
    if (secrets.some((secret) => text.includes(secret))) problems.push(`a secret in ${name}`);
  }
  return [...new Set(problems)];
}
