import { expect, test } from 'vitest';
import { resolveSettings } from '../../src/profiles/resolve.ts';
import { DEFAULTS } from '../../src/profiles/settings.ts';

test('without a profile and fields of its own, a server has the defaults', () => {
  expect(resolveSettings({ profile: 'generic' })).toEqual(DEFAULTS);
});

test('the profile wins over the defaults, and the configuration over the profile', () => {
  const epic = resolveSettings({ profile: 'epic' });
  expect(epic).toMatchObject({ maxConcurrentExports: 1, unsupportedParameters: ['_since'], lists: 'auto' });
  const own = resolveSettings({ profile: 'epic', maxConcurrentExports: 3, unsupportedParameters: [], lists: 'repeat' });
  expect(own).toEqual({ ...epic, maxConcurrentExports: 3, unsupportedParameters: [], lists: 'repeat' });
});

test('null is the default, whatever the profile says', () => {
  const { maxConcurrentExports, levels } = resolveSettings({ profile: 'bcda', maxConcurrentExports: null });
  expect([maxConcurrentExports, levels]).toEqual([undefined, ['patient', 'group']]);
});

test('a configured false counts, although the profile says true', () => {
  expect(resolveSettings({ profile: 'epic', deleteFreesSlot: false }).deleteFreesSlot).toBe(false);
});
