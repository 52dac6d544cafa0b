import type { JobFile } from './expected-file.ts';
import { FileSet } from './file-set.ts';
import type { Hospital } from '../generate/hospital.ts';
import { patientId } from '../generate/patient.ts';
import type { Selection } from './selection.ts';

/**
 * Output organised by Patient (Bulk Data IG 3.0): blocks of a header, the Patient, and what refers to it. The
 * organization and practitioners are repeated in every block, which the IG allows and clients have to bear.
 */
export async function writeOrganized(
  selection: Selection,
  hospital: Hospital,
  folder: string,
  linesPerFile: number,
): Promise<JobFile[]> {
  const set = new FileSet(folder, { kind: 'output', prefix: 'by-patient' }, Math.max(2, linesPerFile));
  const shared = hospital
    .directory()
    .filter((record) => selection.takes(record))
    .map((record) => selection.line(record));
  for (const index of selection.patients()) {
    if (hospital.deletedAt(index) !== undefined) continue;
    const own = [...hospital.recordsOf(index)].filter((record) => selection.takes(record));
    if (own.length === 0) continue;
    const block = [...own.map((record) => selection.line(record)), ...shared];
    // A block SHOULD NOT be split, so it begins a new file unless no file could hold it anyway.
    if (block.length + 1 > set.room && block.length + 1 <= linesPerFile) await set.endFile();
    await writeBlock(set, patientId(index), block);
  }
  await set.endFile();
  return set.files;
}

async function writeBlock(set: FileSet, patient: string, lines: string[]): Promise<void> {
  const header = JSON.stringify({
    resourceType: 'Parameters',
    parameter: [{ name: 'header', valueReference: { reference: `Patient/${patient}` } }],
  });
  if (set.room < 2) await set.endFile();
  await set.add(header, true);
  for (const line of lines) {
    // Bulk Data IG 3.0: the header SHALL be repeated where a split block goes on, and continuesInFile names that file.
    if (set.room === 0) {
      await set.endFile(true);
      await set.add(header, true);
    }
    await set.add(line);
  }
}
