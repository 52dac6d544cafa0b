import { log } from '@temporalio/activity';
import type { FileRequest } from '../../download/ask-file.ts';
import { fetchFile } from '../../download/fetch-file.ts';
import type { FileTrouble } from '../../download/file-trouble.ts';
import type { FetchWatch, Fetched } from '../../download/threads/fetched.ts';
import { NoThreadError, ThreadEndedError } from '../../download/threads/thread-errors.ts';
import { nameBeforehand, partLabel } from '../../export-folder/published-files.ts';
import type { Entry } from '../../fhir/entries.ts';
import { logAnswer } from '../../fhir-server/log-answer.ts';
import { requestSpans } from '../../telemetry/request-spans.ts';
import { safeCause } from '../safe-cause.ts';
import type { Batch } from './open-batch.ts';

/** Bytes from which another thread is worth its price. */
const WORTH_A_THREAD = 4 * 1024 * 1024;
/** Files of a batch from which those of unknown size are small on average: the plan gives it 64 MiB at most. */
const MANY = 16;

/**
 * Fetches a file, in this thread or another one.
 *
 * @param onBytes called whenever some of it have come
 */
export async function fetchInPool(
  batch: Batch,
  fileRequest: FileRequest,
  onBytes: () => void = () => {},
): Promise<Fetched> {
  const { server, attempt, metrics } = batch;
  const { entry } = fileRequest;
  const received = metrics.receiving(server.name);
  const asked = { server: server.name, what: 'file', file: entry.name } as const;
  const watch: FetchWatch = {
    signal: attempt.signal,
    mayChange: () => batch.folder.mayChange(),
    onProgress: (bytes, resumedAt) => {
      onBytes();
      received.upTo(bytes, resumedAt);
      attempt.report({ file: entry.name, bytes, resumedAt });
    },
    onLost: (lost) => metrics.lost(server.name, lost),
    onExchanged: requestSpans(),
    onRefusal: (refusal) => logAnswer(asked, refusal, server.settings.requestIdHeaders),
    onNoThread: (error, pause) =>
      log.warn('no thread for downloads could be started; going on without', {
        seconds: pause / 1000,
        reason: error instanceof Error ? error.message : undefined,
        stack: safeCause(error)?.stack,
      }),
  };
  try {
    return await fetchWatched(batch, fileRequest, watch);
  } finally {
    received.end();
  }
}

async function fetchWatched(batch: Batch, fileRequest: FileRequest, watch: FetchWatch): Promise<Fetched> {
  const { http, threads, folder, place, request } = batch;
  const { entry } = fileRequest;
  const here = async (): Promise<Fetched> => {
    const part = await folder.files.openPart(request.generation, entry, watch.signal);
    const onProgress = (bytes: number): void => watch.onProgress(bytes, part.resumed?.bytes ?? 0);
    const { signal, onRefusal, onLost } = watch;
    const outcome = await fetchFile(fileRequest, { http, part, signal, onProgress, onRefusal, onLost });
    return outcome.kind === 'checked' ? { ...outcome, part } : outcome;
  };
  if (threads === undefined) return here();
  const label = partLabel(request.generation, entry);
  const isSmall = entry.fileSize === undefined ? batch.entries.length > MANY : entry.fileSize < WORTH_A_THREAD;
  const order = { request: fileRequest, ...place, label, name: nameBeforehand(entry), isSmall };
  try {
    return await threads.fetch(order, watch, here);
  } catch (error) {
    if (error instanceof NoThreadError) {
      return { kind: 'trouble', trouble: { cause: 'outage', detail: error.message }, nothingCame: true };
    }
    return { kind: 'trouble', trouble: troubleOfThread(error, entry) };
  }
}

/**
 * What it means for a file that its thread has ended, while it was fetched or stored.
 *
 * @throws any other error
 */
export function troubleOfThread(error: unknown, { name }: Entry): FileTrouble {
  if (!(error instanceof ThreadEndedError)) throw error;
  log.error('a thread ended with a file', { file: name, stack: safeCause(error)?.stack });
  // Content that is wrong only when nothing else can be why: the file is given up and named after a few tries.
  return { cause: error.wasAlone ? 'content' : 'outage', detail: error.message };
}
