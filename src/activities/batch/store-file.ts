import type { Receipt } from '../../export-folder/receipt.ts';
import type { Entry } from '../../fhir/entries.ts';
import { countFile } from '../../policy/type-counts.ts';
import type { Batch } from './open-batch.ts';
import type { FetchedFile } from './fetch-entry.ts';

/** Gives a fetched file its final name, and records its receipt. */
export async function storeFile(
  { folder, server, receipts, attempt, stored }: Batch,
  entry: Entry,
  { part, file, askedAt }: FetchedFile,
): Promise<Receipt> {
  const published = await folder.files.publish(entry, part, file, server.config.checks, attempt);
  const receipt = { ...published, askedAt, storedAt: Date.now() };
  countFile(stored, entry, receipt);
  await receipts.add(receipt);
  // Without a receipt nobody would know whose content it is.
  if (entry.kind === 'attachment') await receipts.save();
  return receipt;
}
