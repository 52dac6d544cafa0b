import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportReport } from '../../src/contract.ts';

/** A request for a group of the sample server, by which new members are exported in full. */
export const WITH_NEW_MEMBERS = {
  server: 'hospital',
  level: 'group',
  groupId: 'diabetes',
  parameters: { _type: ['Patient', 'Condition'] },
  incremental: { newMembers: 'full' },
} as const;

/** Of the warnings that are about new members or the mark. */
export function codesOf({ warnings }: ExportReport): string[] {
  return warnings.map(({ code }) => code).filter((code) => /^(NewM|NewP|Mark)/.test(code));
}

/** Ids of the patients at a place. */
export async function patientsAt(location: string | undefined): Promise<string[]> {
  const names = (await readdir(location as string)).filter((name) => name.startsWith('Patient.'));
  const texts = await Promise.all(names.map((name) => readFile(join(location as string, name), 'utf8')));
  const lines = texts.join('').trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { id: string }).id).sort();
}
