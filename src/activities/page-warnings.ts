import type { Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import type { PageMeta } from '../export-folder/manifest-pages.ts';
import { faultOfInstant } from '../fhir/instant.ts';
import { MANIFEST_TYPE } from '../fhir/manifest.ts';

/**
 * What is odd about the pages and yet no reason to fail.
 *
 * @param listedTwice files whose URL is that of an earlier one
 */
export function warningsOfPages(pages: readonly PageMeta[], listedTwice = 0): Warning[] {
  const first = pages[0];
  if (first === undefined) return [];
  const warnings: Warning[] = [];
  // Bulk Data IG 3.0: root fields of linked manifests equal the first one's.
  for (const field of ['transactionTime', 'requiresAccessToken', 'organizedBy'] as const) {
    const page = pages.findIndex((other) => other[field] !== first[field]) + 1;
    if (page > 0)
      warnings.push({
        code: 'PagesDisagree',
        message: `${field} of page ${page} differs from page 1, which was believed.`,
      });
  }
  if (listedTwice > 0) {
    warnings.push({ code: 'FilesListedTwice', message: `${WARNINGS.FilesListedTwice} (${listedTwice})` });
  }
  if (faultOfInstant(first.transactionTime) !== undefined)
    warnings.push({ code: 'NoTransactionTime', message: WARNINGS.NoTransactionTime });
  if (first.manifestType !== undefined && !first.manifestType.startsWith(MANIFEST_TYPE)) {
    warnings.push({ code: 'UnknownManifestType', message: WARNINGS.UnknownManifestType });
  }
  return warnings;
}
