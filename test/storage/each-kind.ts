import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { projectRoot } from '../../src/programs/project.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import { FileThread } from '../../src/storage/directory/file-thread.ts';
import type { Folder, FileVersion, Part, ResumedPart } from '../../src/storage/folder.ts';
import type { PieceRules } from '../../src/storage/s3/piece-rules.ts';
import { openS3 } from '../../src/storage/s3/s3.ts';
import type { TestS3 } from '../support/s3.ts';
import { hasS3, startS3 } from '../support/s3.ts';

/** The smallest pieces that S3 takes. */
export const PIECE = 5 * 1024 * 1024;
/** Few pieces of an upload, where more can be joined. */
const JOINED: PieceRules = { pieceBytes: PIECE, maxPieces: 3 };
const UPLOADED: PieceRules = { pieceBytes: PIECE, maxPieces: 1000 };
export const VERSION: FileVersion = { validator: '"v1"', total: 4 * PIECE };

interface Kind {
  /** Final names are known when a part is opened. */
  hasNames: boolean;
  start(): Promise<void>;
  stop(): Promise<void>;
  open(path: string): Promise<Folder>;
  /** All that is at the destination below a path, also what is hidden from its users. */
  everything(path: string): Promise<string[]>;
}

export const data = randomBytes(4 * PIECE);

/** The compiled code of the thread; `npm test` has built it. */
export const FILE_THREAD = pathToFileURL(join(projectRoot, 'dist/src/storage/directory/steps-in-thread.js'));

/** As with many small files: asked for until it is ready. */
export async function readyThread(thread: FileThread): Promise<FileThread> {
  await expect.poll(() => thread.forStep(), { interval: 1, timeout: 10_000 }).toBeDefined();
  return thread;
}

function directory(thread?: FileThread): Kind {
  let root: string;
  return {
    hasNames: true,
    start: async () => void (root = await mkdtemp(join(tmpdir(), 'directory-'))),
    stop: async () => {
      await thread?.end();
      await rm(root, { recursive: true, force: true });
    },
    open: async (path) => openDirectory(root, path, thread && (await readyThread(thread))),
    everything: async (path) => {
      const found = await readdir(join(root, path), { recursive: true, withFileTypes: true });
      return found
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(join(root, path).length + 1))
        .sort();
    },
  };
}

function s3(hasNames: boolean): Kind {
  let service: TestS3;
  return {
    hasNames,
    start: async () => void (service = await startS3()),
    stop: () => service.stop(),
    open: async (path) => openS3(service.destination({ prefix: 'raw' }), path, hasNames ? UPLOADED : JOINED),
    everything: async (path) => {
      const under = (key: string): boolean => key.startsWith(`raw/${path}/`);
      const uploads = (await service.uploads()).filter(under).map((key) => `upload of ${key}`);
      const keys = (await service.keys()).filter(under).map((key) => key.slice(`raw/${path}/`.length));
      return [...keys, ...uploads].sort();
    },
  };
}

/** Writes as a download does, in chunks of no particular size. */
export async function fill(part: Part, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 300_007) {
    const end = Math.min(at + 300_007, to);
    // A line ends at every sixteenth of a piece and somewhere.
    const bytes = end - (end % (PIECE / 16 - 7));
    await part.write([data.subarray(at, end)], [{ bytes, state: { line: bytes } }]);
  }
}

/** Opens a part as those do who know its final name, if the running test does. */
export function openPart(folder: Folder, label: string, name: string): Promise<Part> {
  return kind.hasNames ? folder.openPart(label, name) : folder.openPart(label);
}

/** What was taken over is the beginning of a file. */
export async function expectBeginning({ resumed }: Part, of: Uint8Array): Promise<void> {
  const { bytes, from, read } = resumed as ResumedPart;
  expect(await hashOf(read())).toBe(hashOfBytes(of.subarray(from?.bytes ?? 0, bytes)));
  if (from !== undefined) expect(from.state).toEqual({ line: from.bytes });
}

export async function hashOf(content: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content) hash.update(chunk);
  return hash.digest('hex');
}

const hashOfBytes = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const hashOfData = (to: number): string => hashOfBytes(data.subarray(0, to));

/** An attempt that ended after so many bytes. */
export async function brokenOff(folder: Folder, bytes: number, version = VERSION): Promise<void> {
  const part = await openPart(folder, '1', 'file');
  await fill(part, part.resumed?.bytes ?? 0, bytes);
  await part.checkpoint(version);
  await part.keep();
}

export async function finished(folder: Folder, bytes: number, label = '1', name = 'file'): Promise<Part> {
  const part = await openPart(folder, label, name);
  await fill(part, part.resumed?.bytes ?? 0, bytes);
  await part.finish();
  return part;
}

let paths = 0;

/** The kind of the running test. */
export let kind: Kind;
/** The folder of the running test: a new one for each. */
export let folder: Folder;
/** Its path at the destination. */
export let path: string;

/** A part as another attempt opens it. */
export async function attempt(label = '1'): Promise<Part> {
  return openPart(await kind.open(path), label, 'file');
}

/** The text of a document. */
export async function content(file: string): Promise<string | undefined> {
  return (await folder.read(file))?.toString();
}

/** Runs the same tests with a folder of every kind. */
export function describeEachKind(what: string, tests: (name: 'directory' | 's3') => void): void {
  describe.each([
    ['directory', directory(), true],
    ['directory, with a thread for small files', directory(new FileThread(FILE_THREAD)), true],
    ['s3', s3(true), hasS3],
    ['s3, names unknown', s3(false), hasS3],
  ] as const)('%s', (title, its, there) => {
    const name = title.startsWith('directory') ? 'directory' : 's3';
    describe.skipIf(!there)(what, () => {
      beforeAll(() => its.start());
      afterAll(() => its.stop());
      beforeEach(async () => {
        kind = its;
        path = `2026/export-${++paths}`;
        folder = await kind.open(path);
      });
      tests(name);
    });
  });
}
