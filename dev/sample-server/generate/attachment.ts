import { createHash } from 'node:crypto';
import { randomFrom, whole } from './random.ts';

/** A document as bytes. */
export type Attachment = { contentType: string; bytes: Buffer };

/** The `number`th document of a patient, made again from the seed whenever somebody asks for it. */
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
export function attachmentHash(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('base64');
}

function repeated(block: Buffer, times: number): Buffer {
  return Buffer.alloc(Math.max(block.length, times), block);
}
