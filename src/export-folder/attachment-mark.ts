import { createHash } from 'node:crypto';
import { withoutSignature } from '../fhir/signature-free.ts';

/** What an attachment is known by in receipts and where it was found: its URL, but for a signature. */
export function attachmentMark(url: string): string {
  return createHash('sha256').update(withoutSignature(url)).digest('base64url').slice(0, 16);
}
