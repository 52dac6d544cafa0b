import { PROFILES } from './index.ts';
import type { Profile, Sign } from './profile.ts';

/** The profile that a CapabilityStatement suggests; undefined when it shows no sign of any. */
export function suggestProfile(statement: Readonly<Record<string, unknown>>): Profile | undefined {
  const shown: Record<keyof Sign, string> = {
    software: textAt(statement['software'], 'name'),
    publisher: textOf(statement['publisher']),
    implementation: textAt(statement['implementation'], 'description'),
  };
  return PROFILES.find(({ sign }) => sign !== undefined && matches(sign.value, shown));
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
