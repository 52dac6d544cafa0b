import type { CheckedFile } from '../download/checked-file.ts';
import type { Folder } from '../storage/folder.ts';
import type { Span } from './chunk-of.ts';
import { readJson } from './json-document.ts';
import { receiptsFolder } from './layout.ts';

/** What is known of a finished file. */
export interface Receipt extends CheckedFile {
  ordinal: number;
  name: string;
  sha256: string;
  /** Mark of an attachment's URL: its number alone would be another one's if it were found in another order. */
  link?: string;
  /** When it was asked for, and had its final name: milliseconds since the epoch; absent in folders of earlier versions. */
  askedAt?: number;
  storedAt?: number;
}

/**
 * `.export/receipts/N/FROM-TO.ID.json`: the receipts of one attempt at a batch, whose entries of the chunk N are from FROM
 * to TO. One document for all of them, because to write one durably costs as much as to write a small file.
 */
const DOCUMENT = /^(\d+)-(\d+)\./;

/** Names of the documents of one chunk that have receipts from one ordinal to another, both included, and maybe others. */
export async function receiptDocuments(folder: Folder, { chunk, from, to }: Span): Promise<string[]> {
  const names = (await folder.list(receiptsFolder(chunk))).filter((name) => {
    const [, first, last] = DOCUMENT.exec(name) ?? [];
    return first !== undefined && Number(first) <= to && Number(last) >= from;
  });
  return names.map((name) => `${receiptsFolder(chunk)}/${name}`);
}

/** A receipt, and the document that it is in. */
export interface StoredReceipt {
  document: string;
  receipt: Receipt;
}

/** Receipts of one chunk: those of a span, and maybe others; several of a file that several attempts have stored. */
export async function readReceipts(folder: Folder, span: Span): Promise<StoredReceipt[]> {
  const names = await receiptDocuments(folder, span);
  const found = await Promise.all(
    names.map(async (document) => {
      const receipts = (await readJson<Receipt[]>(folder, document)) ?? [];
      return receipts.map((receipt) => ({ document, receipt }));
    }),
  );
  return found.flat();
}
