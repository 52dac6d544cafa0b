import type { Hospital } from '../generate/hospital.ts';
import { patientId } from '../generate/people.ts';
import type { HospitalRecord } from '../generate/record.ts';
import { operationOutcome, type Message } from '../http/answer.ts';
import type { ExportRequest } from './export-request.ts';
import { FileSet, type JobFile } from './ndjson-files.ts';
import { Selection } from './selection.ts';

/** Writes the files of an export into a folder, and returns them in manifest order. */
export async function writeExport(
  request: ExportRequest,
  hospital: Hospital,
  folder: string,
  { linesPerFile, messages, version }: { linesPerFile: number; messages: Message[]; version: number },
): Promise<JobFile[]> {
  const selection = new Selection(request, hospital);
  const output = request.organizeOutputBy === undefined ? writeByType : writeOrganized;
  const files = await output(selection, hospital, folder, linesPerFile);
  // Bulk Data IG 2.0, deleted: only expected with _since.
  if (version >= 2 && request.since !== undefined) files.push(...(await writeDeleted(selection, folder, linesPerFile)));
  files.push(...(await writeMessages([...request.messages, ...messages], folder, linesPerFile)));
  return files;
}

/** One pass over the hospital, with a file open for each type. */
async function writeByType(
  selection: Selection,
  hospital: Hospital,
  folder: string,
  linesPerFile: number,
): Promise<JobFile[]> {
  const sets = new Map(
    selection.types.map((type) => [type, new FileSet(folder, { kind: 'output', type, prefix: type }, linesPerFile)]),
  );
  const take = async (record: HospitalRecord) => {
    if (selection.takes(record)) await sets.get(record.type)?.add(selection.line(record));
  };
  for (const index of selection.patients()) {
    if (hospital.deletedAt(index) !== undefined) continue;
    for (const record of hospital.recordsOf(index)) await take(record);
  }
  for (const record of hospital.directory()) await take(record);
  if (sets.has('Group')) for (const record of hospital.groupRecords()) await take(record);
  for (const set of sets.values()) await set.endFile();
  return [...sets.values()].flatMap((set) => set.files);
}

/**
 * Output organised by Patient (Bulk Data IG 3.0): blocks of a header, the Patient, and what refers to it. The
 * organization and practitioners are repeated in every block, which the IG allows and clients must accept.
 */
async function writeOrganized(
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
    // Bulk Data IG 3.0: the header SHALL be repeated where a split block continues; continuesInFile names that file.
    if (set.room === 0) {
      await set.endFile(true);
      await set.add(header, true);
    }
    await set.add(line);
  }
}

/** Bulk Data IG, deleted: Bundles of type transaction, here with one to three deletions each. */
async function writeDeleted(selection: Selection, folder: string, linesPerFile: number): Promise<JobFile[]> {
  const set = new FileSet(folder, { kind: 'deleted', type: 'Bundle', prefix: 'deleted' }, linesPerFile);
  let entries: string[] = [];
  const addBundle = async () => {
    if (entries.length > 0) {
      await set.add(`{"resourceType":"Bundle","type":"transaction","entry":[${entries.join(',')}]}`);
    }
    entries = [];
  };
  for (const url of selection.deletions()) {
    entries.push(JSON.stringify({ request: { method: 'DELETE', url } }));
    if (entries.length > set.room % 3) await addBundle();
  }
  await addBundle();
  await set.endFile();
  return set.files;
}

async function writeMessages(messages: Message[], folder: string, linesPerFile: number): Promise<JobFile[]> {
  const set = new FileSet(folder, { kind: 'error', type: 'OperationOutcome', prefix: 'error' }, linesPerFile);
  for (const message of messages) await set.add(operationOutcome(message));
  await set.endFile();
  for (const [position, file] of set.files.entries()) {
    const own = messages.slice(position * linesPerFile, (position + 1) * linesPerFile);
    file.severities = {};
    for (const { severity } of own) file.severities[severity] = (file.severities[severity] ?? 0) + 1;
  }
  return set.files;
}
