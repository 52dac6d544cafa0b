import { CLOCKS_DIFFER } from './instant.ts';

/** Who is a member of a group, as its resource says it. */
export type GroupMembers =
  /** Logical ids of Patients, sorted. */
  | { kind: 'members'; ids: string[] }
  /** The resource does not say who they all are. `why` quotes nothing of it. */
  | { kind: 'unknown'; why: string };

interface Entry {
  entity?: { reference?: unknown } | null;
  inactive?: unknown;
  period?: { start?: unknown; end?: unknown } | null;
}

const HOUR = 60 * 60_000;
/** By how much a time may be later than the beginning of what a partial date names, by the letters that it has. */
const VAGUE: Readonly<Record<number, number>> = { 4: 366 * 24 * HOUR, 7: 31 * 24 * HOUR, 10: 24 * HOUR };
/** A date has no zone. */
const ZONES = 14 * HOUR;

/**
 * Reads the members of a Group (FHIR R4). A list that may lack somebody is none: whoever is in it later would pass for a new
 * member, or for none. In doubt a member is left out; once the doubt is over they count as new, and their data is exported
 * again.
 *
 * @param text body of the answer
 * @param baseUrl of the server, without a slash at its end
 * @param now milliseconds since the epoch
 */
export function readGroupMembers(text: string, baseUrl: string, now: number): GroupMembers {
  const group = parse(text);
  if (group?.['resourceType'] !== 'Group') return unknown('the answer is no Group');
  const { member, quantity, characteristic } = group;
  if (isSubsetted(group)) return unknown('the server gives only a part of the Group');
  if (member === undefined && quantity !== 0) {
    return unknown(
      Array.isArray(characteristic) && characteristic.length > 0
        ? 'the Group is defined by characteristics and names no members'
        : 'the Group names no members',
    );
  }
  if (member !== undefined && !Array.isArray(member)) return unknown('the members of the Group are no list');
  const entries = (member ?? []) as (Entry | null)[];
  if (typeof quantity === 'number' && quantity > entries.length) {
    return unknown(`the Group has ${quantity} members and names ${entries.length}`);
  }
  const ids = new Set<string>();
  for (const entry of entries) {
    const found = readReference(entry?.entity?.reference, baseUrl);
    if (found.kind === 'unknown') return found;
    if (found.id !== undefined && isMember(entry as Entry, now)) ids.add(found.id);
  }
  return { kind: 'members', ids: [...ids].sort() };
}

function unknown(why: string): { kind: 'unknown'; why: string } {
  return { kind: 'unknown', why };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** FHIR R4, `meta.tag` SUBSETTED: not the whole resource. */
function isSubsetted({ meta }: Record<string, unknown>): boolean {
  const tags = (meta as { tag?: unknown } | null | undefined)?.tag;
  return Array.isArray(tags) && tags.some((tag: { code?: unknown } | null) => tag?.code === 'SUBSETTED');
}

/** `id` is undefined for what is no patient, such as a device. */
function readReference(
  reference: unknown,
  baseUrl: string,
): { kind: 'reference'; id: string | undefined } | { kind: 'unknown'; why: string } {
  if (typeof reference !== 'string') return unknown('the Group names a member without a reference');
  const relative = reference.startsWith(`${baseUrl}/`) ? reference.slice(baseUrl.length + 1) : reference;
  const [, type, id] = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})(?:\/_history\/[A-Za-z0-9.-]+)?$/.exec(relative) ?? [];
  if (type === undefined) return unknown('the Group names a member elsewhere');
  if (type === 'Group') return unknown('the members of the Group are groups');
  return { kind: 'reference', id: type === 'Patient' ? id : undefined };
}

function isMember({ inactive, period }: Entry, now: number): boolean {
  if (inactive === true) return false;
  const { start, end } = period ?? {};
  const hasBegun = start === undefined || latest(start) <= now - CLOCKS_DIFFER;
  const isOver = end !== undefined && !(earliest(end) > now + CLOCKS_DIFFER);
  return hasBegun && !isOver;
}

/** Earliest moment that a date can mean; NaN for what is none. */
function earliest(date: unknown): number {
  const isVague = typeof date === 'string' && date.length in VAGUE;
  return typeof date === 'string' ? Date.parse(date) - (isVague ? ZONES : 0) : Number.NaN;
}

function latest(date: unknown): number {
  const vague = typeof date === 'string' ? VAGUE[date.length] : undefined;
  return typeof date === 'string' ? Date.parse(date) + (vague === undefined ? 0 : vague + ZONES) : Number.NaN;
}
