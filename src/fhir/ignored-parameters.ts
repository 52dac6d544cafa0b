import type { Warning } from '../contract.ts';
import type { Issue } from './operation-outcome.ts';

/** Issues of data name patients, too. */
const WORD_OF_DATA = 'patient';

const IGNORES = /ignor|support|unknown|not (be )?(used|applied|processed|recogni)/i;

/**
 * Warnings for the parameters of the request that a server's issues name: with `handling=lenient` a server ignores what
 * it does not support, and says so in the kick-off's answer or in an error file (Bulk Data IG 2.0, kick-off request
 * headers).
 */
export function ignoredParameters(issues: readonly Issue[], names: readonly string[]): Warning[] {
  const ignored = names.filter((name) => {
    const word = new RegExp(`(?<![A-Za-z0-9_])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![A-Za-z0-9_])`);
    return issues.some(
      ({ code, text }) =>
        word.test(text) &&
        (code === 'not-supported' || IGNORES.test(text)) &&
        (name !== WORD_OF_DATA || /param/i.test(text)),
    );
  });
  return ignored.map((name) => ({ code: 'ParameterIgnored', message: `The server says that it ignores ${name}.` }));
}
