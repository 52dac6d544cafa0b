import { createHash } from 'node:crypto';
import type { ExportRequest } from '../../contract.ts';
import { hashRequest } from '../../export-folder/request-hash.ts';
import { encodeSegment } from '../../workflows/default-path.ts';

/** Whether the text is the base URL of a FHIR server, rather than the name of a configured one. */
export function isUrl(text: string): boolean {
  return text.includes('://');
}

/**
 * Name of a server that is known by its URL alone: its host and the last part of its path. With a hash where two URLs might
 * otherwise have the same name.
 */
export function nameOfUrl(text: string): string {
  const url = new URL(text.replace(/\/+$/, '').trim());
  const [, first = '', ...others] = url.pathname.replace(/\/+$/, '').split('/');
  const isPlain = url.protocol === 'https:' && url.port === '' && others.length === 0 && /^[A-Za-z0-9]*$/.test(first);
  const parts = [url.hostname.replaceAll(/[^A-Za-z0-9.-]/g, ''), url.port, others.at(-1) ?? first];
  const readable = parts
    .filter((part) => part !== '')
    .join('_')
    .replaceAll(/[^A-Za-z0-9._-]/g, '')
    .slice(0, 50);
  return isPlain ? readable : `${readable}_${shortHash(url.href, 6)}`;
}

/** Folder of an export: the same whenever the same is asked for, so that it can be resumed. */
export function pathOf(request: ExportRequest): string {
  const since = request.parameters?.['_since'];
  const extent = since === undefined ? 'full' : `since-${since.replaceAll(/[^0-9TZ]/g, '')}`;
  return `${encodeServer(request.server)}/${levelOf(request)}-${extent}-${hashRequest(request).slice(0, 6)}`;
}

/**
 * Workflow id of an export: the same whenever the same is asked for, so that there is one at a time.
 *
 * @param where all that says where its files go
 */
export function workflowIdOf(request: ExportRequest, where: readonly string[]): string {
  const hash = shortHash(JSON.stringify([hashRequest(request), ...where]), 10);
  return `${request.server}.${levelOf(request)}.${hash}`;
}

/** The beginning of a hash in hexadecimal digits. */
export function shortHash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

function levelOf({ level, groupId }: ExportRequest): string {
  return level === 'group' ? `group-${encodeSegment(groupId)}` : level;
}

/** Names of servers are safe in paths but for the one that means another folder. */
function encodeServer(name: string): string {
  return name.replace(/^\.+/, '_');
}
