import { readPublished } from '../../export-folder/published-files.ts';
import type { Receipt } from '../../export-folder/receipts.ts';
import type { Entry } from '../../fhir/entries.ts';
import type { Batch } from './batch.ts';
import type { FetchedFile } from './fetch-entry.ts';

/** Gives a fetched file its final name, and records its receipt. */
export async function storeFile(batch: Batch, entry: Entry, fetched: FetchedFile): Promise<Receipt> {
  const { receipts } = batch;
  const receipt = await publish(batch, entry, fetched);
  await receipts.add(receipt);
  // Without a receipt nobody would know whose content it is.
  if (entry.kind === 'attachment') await receipts.save();
  return receipt;
}

async function publish({ folder, server }: Batch, entry: Entry, { part, file }: FetchedFile): Promise<Receipt> {
  // An attachment has the name of its content: whoever has published it, it is the same.
  const name = entry.kind === 'attachment' ? `attachments/${file.sha256}` : entry.name;
  let published: boolean;
  try {
    await part.finish();
    published = await part.publish(name);
  } catch (error) {
    // A destination that is unreachable for a moment must not cost the whole file.
    await part.keep();
    throw error;
  }
  await part.discard();
  if (published || entry.kind === 'attachment') return { ordinal: entry.ordinal, name, ...file };
  // Another attempt has published meanwhile; its file is whole.
  return readPublished(folder, entry, server.config.checks);
}
