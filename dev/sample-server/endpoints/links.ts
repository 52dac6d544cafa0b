import { createHmac } from 'node:crypto';
import type { Context } from '../context.ts';
import type { Job } from '../export/jobs.ts';
import type { JobFile } from '../export/ndjson-files.ts';

// Addresses follow from the job, so a restarted server knows them. Their signatures contain escapes (%2F, %2B): a
// client that decodes or rebuilds a URL sends another one, and is refused.
function signature(context: Context, ...parts: (string | number)[]): string {
  const hash = createHmac('sha256', `sample-${context.settings.seed}`).update(parts.join('\n')).digest('base64url');
  return encodeURIComponent(`a/${hash.slice(0, 12)}+${hash.slice(12, 24)}`);
}

/** The address that clients poll. */
export function statusUrl(context: Context, job: Job): string {
  return `${context.baseUrl}/export-status?job=${job.id}&sig=${signature(context, 'status', job.id)}`;
}

/** The address of a manifest page; the first page is the status address. */
export function pageUrl(context: Context, job: Job, page: number): string {
  if (page === 1) return statusUrl(context, job);
  const sig = signature(context, 'page', job.id, page);
  return `${context.baseUrl}/export-status/page?job=${job.id}&page=${page}&sig=${sig}`;
}

/** The address of a file; it changes with the job's URL generation. */
export function fileUrl(context: Context, job: Job, file: JobFile, generation = job.urlGeneration): string {
  const { requiresAccessToken, filesOrigin } = context.settings;
  const address = `${context.origins[filesOrigin]}/files/${job.id}/${file.name}?v=${generation}`;
  if (requiresAccessToken) return address;
  return `${address}&sig=${signature(context, 'file', job.id, file.name, generation)}`;
}

/** Path and query of an address. */
export function pathAndQuery(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
