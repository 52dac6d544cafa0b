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
const OTHERS = new Set(['index', 'profile', 'settings', 'resolve', 'fit-request', 'poll-times', 'suggest']);
const files = (await readdir(ROOM)).map((file) => basename(file, '.ts')).filter((name) => !OTHERS.has(name));

test('every profile has a file of its name, and every file is in the list', () => {
  expect([...PROFILE_NAMES].sort()).toEqual(files.sort());
});

test('what the configuration asks for is there, and everything else is generic', () => {
  expect(profileOf('bcda').product).toBe('BCDA (CMS)');
  expect(profileOf('toString').name).toBe('generic');
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
      // A page by its host, or a repository by owner and name.
      expect(source, fact).toMatch(/^([\w-]+\.)+\w+(\/|, )|^[\w-]+\/[\w.-]+(,| |$)/);
      expect(source, fact).not.toMatch(/\.md \d|fhir-bulk-export|shared\//);
      expect(date, fact).toMatch(/^20\d\d-[01]\d-[0-3]\d$/);
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
