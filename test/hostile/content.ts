import { createHash } from 'node:crypto';
import type { Case, Defect, FileCase } from './case.ts';

/** Stands in every resource: none of it may be found in a history. */
export const CONTENT_MARK = 'Zwetschgenmus';

/** The bytes of one version of a file, without what its server does to them on the way. */
export function contentOf(file: FileCase, index: number, version: number, attachments: Case['attachments']): Buffer {
  const lines: string[] = [];
  for (let line = 0; line < file.lines; line++) lines.push(lineOf(file, `f${index}-${line}`, version, file.padding));
  if (file.longLine > 0) lines.push(lineOf(file, `f${index}-long`, version, file.longLine));
  if (index === 0 && attachments !== 'none' && file.kind === 'output')
    lines.push(documentOf(file.type, index, version));
  const text = lines.join('\n');
  return Buffer.from(text === '' || !file.newlineAtEnd ? text : `${text}\n`);
}

/** How many lines {@link contentOf} makes. */
export function linesOf(file: FileCase, index: number, attachments: Case['attachments']): number {
  const document = index === 0 && attachments !== 'none' && file.kind === 'output' ? 1 : 0;
  return file.lines + (file.longLine > 0 ? 1 : 0) + document;
}

/** Versions are equally long, so that only what a server says of them tells them apart. */
function lineOf({ kind, type }: FileCase, id: string, version: number, padding: number): string {
  const text = `${CONTENT_MARK} ${version} ${'ä'.repeat(padding)}`;
  if (kind === 'deleted') {
    const entry = [
      { request: { method: 'DELETE', url: `Patient/${id}-${version}` } },
      { request: { method: 'DELETE', url: `${text}/1` } },
    ];
    return JSON.stringify({ resourceType: 'Bundle', id, type: 'transaction', entry });
  }
  if (kind === 'error') {
    const issue = [{ severity: 'information', code: 'informational', diagnostics: `${id} ${text}` }];
    return JSON.stringify({ resourceType: 'OperationOutcome', id, issue });
  }
  return JSON.stringify({
    resourceType: type,
    id,
    meta: { versionId: String(version) },
    text: { div: `<div>${text}</div>` },
  });
}

function documentOf(type: string, index: number, version: number): string {
  const content = [{ attachment: { contentType: 'application/pdf', url: 'Binary/b1' } }];
  return JSON.stringify({ resourceType: type, id: `f${index}-doc`, meta: { versionId: String(version) }, content });
}

/** A file with something wrong that a reader of it can see; none of these is a version of the file. */
export function spoil(content: Buffer, file: FileCase, what: Defect): Buffer {
  const bad = (text: string): Buffer =>
    Buffer.concat([content, Buffer.from(needsNewline(content) ? `\n${text}\n` : `${text}\n`)]);
  const resource = lineOf(file, 'bad', 0, 0);
  switch (what) {
    case 'two on one line':
      return bad(`${resource}${resource}`);
    case 'not JSON':
      // Right at both ends, so that only who parses it finds out. Fast checks look at what they must parse themselves.
      return file.kind === 'output'
        ? bad(`{"id":"x","${CONTENT_MARK} nobody}`)
        : bad(resource.replace('"id":', `"id":${CONTENT_MARK} Meier,"x":`));
    case 'page':
      return Buffer.from(`<html><body>${CONTENT_MARK}: please log in</body></html>\n`);
    case 'other type':
      return bad(JSON.stringify({ resourceType: 'Basic', id: CONTENT_MARK }));
    case 'cut line':
      return bad(resource.slice(0, -7)).subarray(0, -1);
    case 'no object':
      return bad(`["${CONTENT_MARK}"]`);
  }
}

function needsNewline(content: Buffer): boolean {
  return content.length > 0 && content.at(-1) !== 0x0a;
}

export function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What the server has as the attachment `Binary/b1`. */
export const ATTACHMENT = Buffer.from(`%PDF ${CONTENT_MARK}, scanned`);
