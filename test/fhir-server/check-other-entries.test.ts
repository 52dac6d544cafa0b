import { expect, test } from 'vitest';
import type { ServerConfig } from '../../src/config.ts';
import { checkOtherEntries } from '../../src/fhir-server/check/check-other-entries.ts';
import { serverEntry } from '../support/stack.ts';

const URL_OF_A = 'https://a.example/fhir';
const basic = (clientId: string): Partial<ServerConfig> => ({
  auth: { type: 'client-secret', clientId, clientSecretFile: './secret' } as ServerConfig['auth'],
});
const found = (own: Partial<ServerConfig>, other: Partial<ServerConfig>, url = URL_OF_A): string[] => {
  const servers = { own: serverEntry(URL_OF_A, own), other: serverEntry(url, other) };
  return checkOtherEntries({ servers }, 'own').map(({ detail }) => detail);
};
const SLOT = { maxConcurrentExports: 1 };

test('another entry for the same server is named, where one of them has a limit', () => {
  const slots = ['"other" is the same server, and maxConcurrentExports of each entry counts only its own exports'];
  expect(found(SLOT, SLOT)).toEqual(slots);
  expect(found({}, SLOT)).toEqual(slots);
  expect(found({ profile: 'aidbox' }, { allow: { groups: ['b'] } })).toEqual(slots);
  expect(found(SLOT, SLOT, 'https://A.example:443/fhir')).toEqual(slots);
  expect(found({ ...SLOT, ...basic('x') }, basic('x'))).toEqual(slots);
  expect(found({ maxDownloadsInAll: 8 }, SLOT)).toEqual([
    expect.stringContaining('maxConcurrentExports and maxDownloadsInAll of each entry'),
  ]);
});

test('an entry without a limit, for another server, or for slots of another client or other groups is all right', () => {
  expect(found({}, {})).toEqual([]);
  expect(found(SLOT, SLOT, 'https://b.example/fhir')).toEqual([]);
  expect(found({ ...SLOT, ...basic('x') }, { ...SLOT, ...basic('y') })).toEqual([]);
  const group = (...groups: string[]): Partial<ServerConfig> => ({ profile: 'epic', allow: { groups } });
  expect(found(group('a'), group('b'))).toEqual([]);
  expect(found(group('a', 'b'), group('b'))).toHaveLength(1);
  expect(found(group('a'), { profile: 'epic' })).toHaveLength(1);
  // The server's downloads are nobody's own.
  expect(found({ maxDownloadsInAll: 8, ...basic('x') }, basic('y'))).toHaveLength(1);
});
