import { createHash } from 'node:crypto';
import { meta, moment, pick, randomFrom, whole, type HospitalRecord, type Random } from './record.ts';

/** A document as bytes. */
export type Attachment = { contentType: string; bytes: Buffer };

/** The `number`th document of a patient. It is not stored: each call makes it again from the seed. */
export function attachment(seed: number, patient: number, number: number, bytesWanted?: number): Attachment {
  const random = randomFrom(seed, patient, number, 77);
  const size = bytesWanted ?? whole(random, 200, 20_000);
  if (number % 2 === 1) {
    const text = `Discharge note ${patient + 1}/${number} – Entlaßbrief, 退院 ✔\r\n`;
    return { contentType: 'text/plain; charset=utf-8', bytes: repeated(Buffer.from(text), size) };
  }
  const block = Buffer.alloc(1021);
  for (let at = 0; at < block.length; at += 1) block[at] = whole(random, 0, 255);
  return { contentType: 'application/pdf', bytes: Buffer.concat([Buffer.from('%PDF-1.7\n'), repeated(block, size)]) };
}

/** SHA-1 in base64, the form of `Attachment.hash` in FHIR R4. */
function attachmentHash(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('base64');
}

function repeated(block: Buffer, times: number): Buffer {
  return Buffer.alloc(Math.max(block.length, times), block);
}

/** `attachmentBase` stands before `Binary/…` in addresses of documents; empty for relative addresses. */
type DocumentOptions = { seed: number; attachmentBase: string };

/** The id under which a document can be read as a Binary. */
function binaryId(index: number, number: number): string {
  return `bin-${index + 1}-${number}`;
}

/** Clients read the first two documents of a patient by URL; a third, if there is one, is inline. */
export function documentReferenceRecord(
  random: Random,
  index: number,
  number: number,
  options: DocumentOptions,
): HospitalRecord {
  const id = `doc-${index + 1}-${number}`;
  const lastUpdated = moment(random);
  const status = pick(random, ['current', 'current', 'superseded']);
  return {
    type: 'DocumentReference',
    id,
    patient: index,
    lastUpdated,
    search: { status: [status], date: [new Date(lastUpdated).toISOString()] },
    text:
      `{"resourceType":"DocumentReference","id":"${id}",${meta(lastUpdated)},"status":"${status}",` +
      `"type":{"coding":[{"system":"http://loinc.org","code":"34133-9"}]},` +
      `"subject":{"reference":"Patient/pat-${index + 1}"},"date":"${new Date(lastUpdated).toISOString()}",` +
      `"content":[{"attachment":${content(index, number, options)}}]}`,
  };
}

function content(index: number, number: number, { seed, attachmentBase }: DocumentOptions): string {
  if (number <= 2) {
    const { contentType, bytes } = attachment(seed, index, number);
    return (
      `{"contentType":"${contentType}","url":"${attachmentBase}Binary/${binaryId(index, number)}",` +
      `"size":${bytes.length},"hash":"${attachmentHash(bytes)}","title":"Note ${number}"}`
    );
  }
  // Every twentieth patient has a line of more than 100 KB, which arrives in many chunks.
  const { contentType, bytes } = attachment(seed, index, number, index % 20 === 3 ? 90_000 + index : 300);
  return `{"contentType":"${contentType}","data":"${bytes.toString('base64')}","size":${bytes.length}}`;
}
