import { describe, expect, test } from 'vitest';
import { manifestAsKnown } from '../../src/activities/manifest-as-known.ts';
import type { ManifestSummary } from '../../src/export-folder/manifest-summary.ts';
import { NO_LINKS, areEnding } from '../../src/policy/link-life.ts';
import { believed, firstPoll, shortestWait } from '../../src/profiles/poll-times.ts';
import { resolveSettings } from '../../src/profiles/resolve.ts';
import { DEFAULTS } from '../../src/profiles/settings.ts';

const ORACLE = { ...DEFAULTS, firstPollSeconds: 600, shortestPollSeconds: 500, longestPollSeconds: 1800 };

test.each([
  [undefined, DEFAULTS, undefined],
  [2000, DEFAULTS, 2000],
  [undefined, ORACLE, 600_000],
  [2000, ORACLE, 500_000],
  [18_000_000, ORACLE, 1_800_000],
  [undefined, { ...ORACLE, firstPollSeconds: undefined }, 500_000],
])('first poll, if the answer names %s ms', (named, settings, wait) => {
  expect(firstPoll(named, settings)).toBe(wait);
});

test('later polls', () => {
  expect([believed(18_000_000, ORACLE), believed(1000, ORACLE), believed(undefined, ORACLE)]).toEqual([
    1_800_000,
    1000,
    undefined,
  ]);
  expect(believed(365 * 86_400_000, DEFAULTS)).toBe(86_400_000);
  expect([shortestWait(ORACLE), shortestWait(DEFAULTS)]).toEqual([500_000, 0]);
});

describe('how long links to files last', () => {
  const READ_AT = Date.parse('2026-01-01T00:00:00Z');
  const read: ManifestSummary = {
    pages: 1,
    entries: 1,
    transactionTime: '2026-01-01T00:00:00Z',
    requiresAccessToken: false,
    readAt: READ_AT,
  };
  const known = resolveSettings({ profile: 'linuxforhealth' });

  test('is known of the server, where neither the manifest nor a link says it: they are renewed before', () => {
    const manifest = manifestAsKnown(read, known);
    expect(manifest.linksEnd).toBe(READ_AT + 86_400_000);
    expect(areEnding(NO_LINKS, manifest, READ_AT + 0.7 * 86_400_000)).toBe(false);
    expect(areEnding(NO_LINKS, manifest, READ_AT + 0.9 * 86_400_000)).toBe(true);
    expect(manifestAsKnown(read, resolveSettings({ profile: 'generic' })).linksEnd).toBeUndefined();
  });

  test('but not where they say it', () => {
    expect(manifestAsKnown({ ...read, expires: '2026-01-09T00:00:00Z' }, known).linksEnd).toBeUndefined();
    expect(manifestAsKnown({ ...read, linksEnd: READ_AT + 5 }, known).linksEnd).toBe(READ_AT + 5);
  });
});
