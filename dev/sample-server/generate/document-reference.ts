import { attachment, attachmentHash } from './attachment.ts';
import { pick, type Random } from './random.ts';
import { meta, moment, type HospitalRecord } from './record.ts';

/** Where documents are: `attachmentBase` is put before `Binary/…`, empty for relative addresses. */
export type DocumentOptions = { seed: number; attachmentBase: string };

/** The id under which a document can be read as a Binary. */
export function binaryId(index: number, number: number): string {
  return `bin-${index + 1}-${number}`;
}

/** The first two documents of a patient are read by URL; a third, if there is one, is inline. */
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
