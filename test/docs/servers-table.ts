import { PROFILES } from '../../src/profiles/index.ts';
import type { Fact, Profile, Sign } from '../../src/profiles/profile.ts';

/** What begins and ends the part of docs/servers.md that is made from the data. */
export const BEGIN = '<!-- profiles: made from src/profiles by test/docs/servers.test.ts -->';
export const END = '<!-- end of profiles -->';

/** The facts of all profiles, as docs/servers.md shows them. */
export function serversTable(): string {
  const known = PROFILES.filter(({ settings, notes }) => Object.keys(settings).length + notes.length > 0);
  return [BEGIN, ...known.map(sectionOf), END].join('\n\n');
}

function sectionOf({ name, product, sign, settings, notes }: Profile): string {
  const rows = [
    ...Object.entries(settings).map(([setting, fact]) => rowOf(`\`${setting}: ${textOf(fact.value)}\``, fact)),
    ...notes.map((note) => rowOf(note.value, note)),
    ...(sign === undefined ? [] : [rowOf(`Its CapabilityStatement has ${signText(sign.value)}.`, sign)]),
  ];
  return [`### ${name}: ${product}`, '', '| fact | source | read on |', '|---|---|---|', ...rows].join('\n');
}

function rowOf(text: string, { source, date, unverified }: Fact<unknown>): string {
  const link = `[${labelOf(source)}](${source})`;
  return `| ${text} | ${link}${unverified === true ? ' (one indirect source only)' : ''} | ${date} |`;
}

/** A source in short: of GitHub the repository and the issue or the file, else the host and the page. */
function labelOf(source: string): string {
  const { hostname, pathname, searchParams } = new URL(source);
  const [owner = '', repository = '', kind, ...rest] = pathname.slice(1).split('/');
  if (hostname !== 'github.com') return `${hostname}, ${searchParams.get('docId') ?? pathname.replace(/^.*\//, '')}`;
  const what = { issues: `issue ${rest[0]}`, releases: `release ${rest[1]}`, wiki: 'wiki', blob: rest.at(-1) };
  return `${owner}/${repository}, ${what[kind as keyof typeof what]}`;
}

/** As YAML has it in one line. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value).map(([name, one]) => `${name}: ${textOf(one)}`);
  return `{ ${fields.join(', ')} }`;
}

function signText({ software, publisher, implementation }: Sign): string {
  const parts = { 'software.name': software, publisher, 'implementation.description': implementation };
  return Object.entries(parts)
    .flatMap(([field, text]) => (text === undefined ? [] : [`\`${field}\` "${text}"`]))
    .join(', ');
}
