import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';
import { isResourceType } from '../../src/fhir/resource-types.ts';
import { PROFILES, PROFILE_NAMES, profileOf } from '../../src/profiles/index.ts';
import type { Fact, Profile } from '../../src/profiles/profile.ts';
import { DEFAULTS } from '../../src/profiles/settings.ts';

const ROOM = join(projectRoot, 'src/profiles');
/** Files that hold no profile. */
const OTHERS = new Set(['index', 'profile', 'settings', 'resolve', 'fit-request', 'poll-times', 'suggest', 'not-now']);
const files = (await readdir(ROOM)).map((file) => basename(file, '.ts')).filter((name) => !OTHERS.has(name));

test('every profile has a file of its name, and every file is in the list', () => {
  expect([...PROFILE_NAMES].sort()).toEqual(files.sort());
});

test('what the configuration asks for is there, and everything else is generic', () => {
  expect(profileOf('bcda').product).toBe('BCDA (CMS)');
  expect(profileOf('toString').name).toBe('generic');
});

/** On GitHub, what can be found again: an issue, a release, a wiki, or a file as of a commit. */
const ON_GITHUB = /^\/[\w.-]+\/[\w.-]+\/(issues\/\d+|releases\/tag\/v[\d.]+|wiki|blob\/[0-9a-f]{40}\/[\w./-]+\.\w+)$/;

/** What keeps a source from being an address at which anybody finds it. */
function faultOfSource(source: string): string | undefined {
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (url === undefined || url.href !== source || url.protocol !== 'https:') return 'is no https: URL';
  if (url.pathname === '/') return 'names a host and no page';
  if (/fhir-bulk-export/.test(source)) return 'is of this project';
  if (url.hostname.endsWith('githubusercontent.com')) return 'is not as people see it';
  return url.hostname === 'github.com' && !ON_GITHUB.test(url.pathname)
    ? 'is no issue and no file of a commit'
    : undefined;
}

/** What keeps a text from being a day on which something may have been read. */
function faultOfDate(date: string): string | undefined {
  const day = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== date) return 'is no day';
  return day < new Date('2026-11-01') ? 'is before this project' : undefined;
}

test.each([
  'CMSgov/ab2d, filter-claims-data-v2.md',
  'smart-on-fhir/smart-fetch, source',
  'docs.oracle.com, Millennium',
  'https://docs.oracle.com',
  'http://docs.oracle.com/a.html',
  'https://github.com/smart-on-fhir/smart-fetch',
  'https://github.com/smart-on-fhir/smart-fetch/blob/main/docs/since.md',
  'https://github.com/smart-on-fhir/smart-fetch/tree/3d82a1b6446f6e75636887ad31fd45ae3c73852e/docs',
])('%s is no source', (source) => {
  expect(faultOfSource(source)).toBeDefined();
});

test.each(['2026-02-30', '2026-11', '2025-11-29', 'today'])('%s is no day of reading', (date) => {
  expect(faultOfDate(date)).toBeDefined();
});

const sources = PROFILES.flatMap(({ sign, settings, notes }) =>
  [...Object.values(settings), ...notes, ...(sign === undefined ? [] : [sign])].map(({ source }) => source),
);

// Needs the internet: run it with CHECK_SOURCES=1 when sources change.
const toFetch = process.env['CHECK_SOURCES'] === undefined ? [] : [...new Set(sources)];
test.each(toFetch)('%s exists', async (source) => {
  const { status } = await fetch(source, { method: 'HEAD' });
  expect(status).toBe(200);
});

describe.each(files)('src/profiles/%s.ts', async (name) => {
  const module = (await import(`../../src/profiles/${name}.ts`)) as Record<string, Profile>;
  const [profile, ...more] = Object.values(module);
  if (profile === undefined) throw new Error(`${name}.ts exports nothing`);

  test('exports one profile, named as the file', () => {
    expect(more).toEqual([]);
    expect(PROFILES).toContain(profile);
    expect(profile.name).toBe(name);
    expect(profile.product).not.toBe('');
  });

  test('has the fields of the shape, as plain data', () => {
    expect(['name', 'product', 'sign', 'settings', 'notes']).toEqual(expect.arrayContaining(Object.keys(profile)));
    expect(Object.keys(DEFAULTS)).toEqual(expect.arrayContaining(Object.keys(profile.settings)));
    expect(JSON.parse(JSON.stringify(profile))).toEqual(profile);
  });

  test('has a source and a date for each fact', () => {
    const facts: [string, Fact<unknown>][] = [
      ...Object.entries(profile.settings),
      ...profile.notes.map((note): [string, Fact<unknown>] => [note.value, note]),
      ...(profile.sign === undefined ? [] : [['sign', profile.sign] as [string, Fact<unknown>]]),
    ];
    for (const [fact, { value, source, date, unverified, ...others }] of facts) {
      expect(value, fact).toBeDefined();
      expect(faultOfSource(source), `${fact}: ${source}`).toBeUndefined();
      expect(faultOfDate(date), `${fact}: ${date}`).toBeUndefined();
      expect(unverified ?? true, fact).toBe(true);
      expect(others, fact).toEqual({});
    }
  });

  test('has values of the kinds that the settings have', () => {
    const { settings } = profile;
    const numbers = Object.values(settings).flatMap(({ value }) => (typeof value === 'number' ? [value] : []));
    expect(numbers.filter((number) => !Number.isSafeInteger(number) || number < 1)).toEqual([]);
    const types = [settings.filterableTypes, settings.unfilterableTypes, settings.typesNeedingCompany];
    expect(types.flatMap((fact) => fact?.value ?? []).filter((type) => !isResourceType(type))).toEqual([]);
    for (const header of settings.requestIdHeaders?.value ?? []) expect(header).toBe(header.toLowerCase());
  });
});
