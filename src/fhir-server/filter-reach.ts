import { readQuery } from './allowed-values.ts';

/** They ask about members of lists and groups, or are a language of their own. */
const OPAQUE = new Set(['_list', '_in', '_filter']);

/**
 * Types that a filter asks about besides the one that it brings; undefined: a type that it does not name. Nothing of them
 * comes, but who comes says what they hold. Pure. Source: FHIR R4 and R5, search: chained parameters, `_has`, `_list`, `_in`,
 * `_filter`.
 */
export function reachOf(filter: string): (string | undefined)[] {
  const names = readQuery(filter)
    .split(/[&;]/)
    .filter((pair) => pair.includes('='))
    .map((pair) => pair.replace(/=.*$/s, '').trim());
  return [...new Set(names.flatMap(typesBehind))];
}

function typesBehind(name: string): (string | undefined)[] {
  const reverse = /^_has:([^:]*):[^:]*:(.*)$/is.exec(name);
  if (reverse !== null) return [reverse[1], ...typesBehind(reverse[2] ?? '')];
  const [link = '', ...rest] = name.split('.');
  const [base = '', modifier] = link.split(':');
  if (rest.length > 0) return [modifier, ...typesBehind(rest.join('.'))];
  const word = base.toLowerCase();
  return word === '_has' || OPAQUE.has(word) ? [undefined] : [];
}
