import { createHash } from 'node:crypto';
import type { ExportRequest } from '../../contract.ts';
import { hashRequest } from '../../export-folder/request-hash.ts';
import { encodeSegment } from '../../workflows/default-path.ts';

/** Letters of a server's name that is made of its URL; a hash may follow. */
const LONGEST = 50;

/** Whether the text is the base URL of a FHIR server, rather than the name of a configured one. */
export function isUrl(text: string): boolean {
  return text.includes('://');
}

/**
 * Name of a server that is known by its URL alone: its host and the last part of its path. With a hash where two URLs might
 * otherwise have the same name.
 */
export function nameOfUrl(text: string): string {
  const url = new URL(text.trim().replace(/\/+$/, ''));
  const segments = url.pathname.split('/').filter((segment) => segment !== '');
  const whole = [url.hostname, url.port, segments.at(-1) ?? ''].filter((part) => part !== '').join('_');
  const readable = whole.replaceAll(/[^A-Za-z0-9._-]/g, '').slice(0, LONGEST);
  const isPlain =
    url.protocol === 'https:' && url.port === '' && /^[a-z0-9.-]+$/.test(url.hostname) && segments.length <= 1;
  const isUnique = isPlain && /^[A-Za-z0-9]*$/.test(segments[0] ?? '') && readable === whole;
  return isUnique ? readable : `${readable}_${shortHash(url.href, 6)}`;
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

/**
 * Task queue of one export alone, whose worker is in the command's own process.
 *
 * @param deployment task queue of workers elsewhere
 */
export function queueOf(deployment: string, workflowId: string): string {
  return `${deployment}.here.${shortHash(workflowId, 12)}`;
}

/** Whether a task queue is that of one export alone, whatever the deployment. */
export function isOwnQueue(taskQueue: string, workflowId: string): boolean {
  return taskQueue.endsWith(queueOf('', workflowId));
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
