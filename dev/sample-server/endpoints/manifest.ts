import type { Context } from '../context.ts';
import type { Job } from '../export/jobs.ts';
import type { Manifest, ManifestItem } from '../export/manifest.ts';
import type { JobFile } from '../export/ndjson-files.ts';
import { fileUrl, pageUrl } from './links.ts';

const example = 'http://example.org/fhir/StructureDefinition/hospital';

/** How the files are spread over manifest pages; there is at least one page. */
export function pagesOf(context: Context, job: Job): JobFile[][] {
  const { version, pageSize } = context.settings;
  const files = job.files ?? [];
  // Bulk Data IG 3.0, read literally: `error` is the same on every page, so only the other items are spread.
  const spread = files.filter((file) => version >= 4 || file.kind !== 'error');
  const partialSize = job.request.allowPartialManifests ? Math.ceil(spread.length / 2) : spread.length;
  const size = Math.max(1, version < 3 ? spread.length : (pageSize ?? partialSize));
  const pages: JobFile[][] = [];
  for (let start = 0; start < spread.length; start += size) pages.push(spread.slice(start, start + size));
  if (pages.length === 0) pages.push([]);
  return version >= 4 ? pages : pages.map((page) => [...page, ...files.filter((file) => file.kind === 'error')]);
}

/** The manifest in the shape of the server's version. `page` counts from 1; `next` adds a link to the next page. */
export function manifestOf(context: Context, job: Job, page: number, next: boolean): Manifest {
  const { version, requiresAccessToken } = context.settings;
  const files = pagesOf(context, job)[page - 1] ?? [];
  const items = (kind: JobFile['kind']) =>
    files.filter((file) => file.kind === kind).map((file) => item(context, job, file));
  const transactionTime = new Date(job.at).toISOString();
  const organized = job.request.organizeOutputBy && { outputOrganizedBy: job.request.organizeOutputBy };
  const link = next && { link: [{ relation: 'next', url: pageUrl(context, job, page + 1) }] };
  const { method, url } = job.request;
  // Bulk Data IG 2.0: no parameters for a POST, and its URL has none here.
  const request = method === 'POST' ? url.split('?')[0] : url;

  if (version === 4) {
    return {
      manifestType: 'http://hl7.org/fhir/uv/bulkdata/StructureDefinition/BulkDataManifest',
      transactionTime,
      requiresAccessToken,
      outputFormat: 'application/fhir+ndjson',
      ...organized,
      ...unlessEmpty('output', items('output')),
      ...unlessEmpty('deleted', items('deleted')),
      ...unlessEmpty('outcome', items('error')),
      ...link,
      extension: [{ url: example, valueString: 'Sample hospital' }],
    };
  }
  return {
    transactionTime,
    request,
    requiresAccessToken,
    ...organized,
    output: items('output'),
    ...(version >= 2 && { deleted: items('deleted') }),
    error: items('error'),
    ...link,
    extension: { [example]: 'Sample hospital' },
  };
}

function unlessEmpty(name: string, list: ManifestItem[]): Record<string, ManifestItem[]> {
  return list.length > 0 ? { [name]: list } : {};
}

function item(context: Context, job: Job, file: JobFile): ManifestItem {
  const { version, countInManifest, fileSizeInManifest } = context.settings;
  // Bulk Data IG 4.0: deleted and outcome items have no type.
  const type = file.kind === 'output' || version < 4 ? file.type : undefined;
  const url = fileUrl(context, job, file);
  const result: ManifestItem = type === undefined ? { url } : { type, url };
  if (countInManifest) result.count = file.resources;
  const next = job.files?.find(({ name }) => name === file.continuesIn);
  if (next !== undefined) result['continuesInFile'] = fileUrl(context, job, next);
  if (version === 4 && fileSizeInManifest) result['fileSize'] = file.bytes;
  if (version === 4 && file.severities !== undefined) {
    result['countSeverity'] = Object.entries(file.severities).map(([code, count]) => ({ code, count }));
  }
  return result;
}
