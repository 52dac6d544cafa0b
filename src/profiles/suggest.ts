import { PROFILES } from './index.ts';
import type { Profile, Sign } from './profile.ts';

/** How a CapabilityStatement fits the profile of the configuration. */
export type ProfileFit =
  /** It shows the profile, or no other where the profile is `generic`. */
  | { kind: 'fits' }
  /** It shows another one. */
  | { kind: 'other'; suggested: Profile }
  /** It shows neither the profile nor another one. */
  | { kind: 'notShown' }
  /** It shows no other, and no sign of the profile is known. */
  | { kind: 'noSign' };

/** Compares the profile of the configuration with what a server says of itself. Pure. */
export function compareProfile(configured: Profile, statement: Readonly<Record<string, unknown>>): ProfileFit {
  const suggested = suggestProfile(statement);
  if (suggested?.name === configured.name) return { kind: 'fits' };
  if (suggested !== undefined && !mayShow(configured, suggested)) return { kind: 'other', suggested };
  if (configured.name === 'generic') return { kind: 'fits' };
  return { kind: configured.sign === undefined ? 'noSign' : 'notShown' };
}

/** The profile that a CapabilityStatement suggests; undefined when it shows no sign of any. */
export function suggestProfile(statement: Readonly<Record<string, unknown>>): Profile | undefined {
  const shown: Record<keyof Sign, string> = {
    software: textAt(statement['software'], 'name'),
    publisher: textOf(statement['publisher']),
    implementation: textAt(statement['implementation'], 'description'),
  };
  return PROFILES.find(({ sign }) => sign !== undefined && matches(sign.value, shown));
}

/**
 * Whether servers of one profile, of which no sign is known, may show that of another: that of HAPI FHIR is what its library
 * says unless told otherwise, and other products are built with it; and that of Oracle Health is the name of the vendor.
 */
function mayShow(configured: Profile, { name }: Profile): boolean {
  if (configured.sign !== undefined || configured.name === 'generic') return false;
  return name === 'hapi' || (name === 'oracle-millennium' && configured.name === 'oracle-ai');
}

function matches(sign: Sign, shown: Record<keyof Sign, string>): boolean {
  return Object.entries(sign).every(([field, text]) => shown[field as keyof Sign].includes(String(text).toLowerCase()));
}

function textAt(value: unknown, field: string): string {
  return typeof value === 'object' && value !== null ? textOf((value as Record<string, unknown>)[field]) : '';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.toLowerCase() : '';
}
