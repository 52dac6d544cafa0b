import { createHash } from 'node:crypto';
import type { ExportParameters } from '../contract.ts';
import type { Entry } from '../fhir/entries.ts';
import { lineType } from '../fhir/entries.ts';
import { listParameters } from '../fhir/parameters.ts';
import { withoutQuery } from '../fhir/quote.ts';
import { isAccepted } from './job-record.ts';
import type { Job, LogTerms } from './job-record.ts';
import type { PageMeta } from './manifest-pages.ts';
import type { NotedAnswer } from './noted-answers.ts';
import type { Receipt } from './receipt.ts';

/**
 * An event of the community's log of bulk data exports (wiki of bulk-data-client, "Bulk Data Export Log Items",
 * version 2), which smart-fetch writes, too, and cumulus-etl reads.
 */
export interface LogEvent {
  eventId: string;
  /** Milliseconds since the epoch. */
  time: number;
  eventDetail: object;
}

/** Version of the log's form. */
const LOG_VERSION = '2';
/** As of bulk-data-client: hexadecimal digits. */
const ID_LENGTH = 20;

/**
 * The same for all lines of an export, however often it is resumed, and another one for another job.
 *
 * @param mark of the folder: while the server has accepted no job, this stands for it
 */
export function exportIdOf({ statusUrl, generation }: Job, mark: string): string {
  // The URL itself may be signed.
  return createHash('sha256')
    .update(statusUrl ?? `${mark} ${generation}`)
    .digest('hex')
    .slice(0, ID_LENGTH);
}

/** A line of the log. */
export function logLine(exportId: string, { eventId, time, eventDetail }: LogEvent): string {
  // Readers in Python before 3.11 know no Z.
  const timestamp = new Date(time).toISOString().replace('Z', '+00:00');
  return `${JSON.stringify({ exportId, timestamp, eventId, eventDetail })}\n`;
}

/**
 * What was asked for, and what the server answered until it had accepted it, and since then.
 *
 * @param answers that brought the export no further
 * @param time when the job was accepted, if its record does not say it
 */
export function firstEvents(
  job: Job,
  parameters: LogTerms['parameters'],
  answers: readonly NotedAnswer[],
  time: number,
): LogEvent[] {
  const to = (what: NotedAnswer['to']): NotedAnswer[] => answers.filter((one) => one.to === what);
  return [
    ...to('kickOff').map((refused) => kickOffEvent(job, parameters, refused.time, refused)),
    ...(isAccepted(job) ? [kickOffEvent(job, parameters, job.acceptedAt ?? time)] : []),
    ...to('poll').map(statusErrorEvent),
  ];
}

/** @param refused the answer; undefined: the job was accepted */
function kickOffEvent(
  job: Job,
  requestParameters: LogTerms['parameters'],
  time: number,
  refused?: NotedAnswer,
): LogEvent {
  const { software, fhirVersion } = job.capability ?? {};
  return {
    eventId: 'kickoff',
    time,
    eventDetail: {
      exportUrl: withoutQuery(job.request ?? ''),
      errorCode: refused?.status ?? null,
      errorBody: refused?.words ?? null,
      softwareName: software?.name ?? null,
      softwareVersion: software?.version ?? null,
      softwareReleaseDate: software?.releaseDate ?? null,
      fhirVersion: fhirVersion ?? null,
      requestParameters,
      // They may hold what nobody should have who only has the data, such as cookies.
      responseHeaders: {},
      logVersion: LOG_VERSION,
    },
  };
}

/** Without an answer there is no code. */
function statusErrorEvent({ time, status, message, words }: NotedAnswer): LogEvent {
  const eventDetail = { body: words ?? null, code: status ?? null, message, responseHeaders: null };
  return { eventId: 'status_error', time, eventDetail };
}

/** Never `patient`, as the form has it; lists as they are in a URL. */
export function logTerms(parameters: ExportParameters): LogTerms {
  const asked = listParameters(parameters);
  const others = asked.filter(({ name }) => name !== 'patient');
  return {
    parameters: Object.fromEntries(others.map(({ name, values }) => [name, values.join(',')])),
    quotes: others.length === asked.length,
  };
}

/** The manifest and its pages. @param pages at least one */
export function manifestEvents(pages: readonly PageMeta[], counts: readonly FileCounts[], time: number): LogEvent[] {
  const [first, last] = [pages[0], pages.at(-1)];
  const transactionTime = first?.transactionTime ?? '';
  const sum = (kind: keyof FileCounts): number => counts.reduce((total, one) => total + one[kind], 0);
  return [
    { eventId: 'status_complete', time: first?.readAt ?? time, eventDetail: { transactionTime } },
    ...pages.map((page, position) => {
      const { output = 0, deleted = 0, error = 0 } = counts[position] ?? {};
      return {
        eventId: 'status_page_complete',
        time: page.readAt ?? time,
        eventDetail: {
          transactionTime: page.transactionTime,
          outputFileCount: output,
          deletedFileCount: deleted,
          errorFileCount: error,
        },
      };
    }),
    {
      eventId: 'manifest_complete',
      time: last?.readAt ?? time,
      eventDetail: {
        transactionTime,
        totalOutputFileCount: sum('output'),
        totalDeletedFileCount: sum('deleted'),
        totalErrorFileCount: sum('error'),
        totalManifests: pages.length,
      },
    },
  ];
}

/** Files of one manifest page. */
export type FileCounts = Record<'output' | 'deleted' | 'error', number>;

/** A file that is whole. @param time when it was fetched, if its receipt does not say it */
export function fileEvents(entry: Entry, receipt: Receipt, time: number): LogEvent[] {
  const { askedAt = time, storedAt = time } = receipt;
  return [
    requestEvent(entry, askedAt),
    {
      eventId: 'download_complete',
      time: storedAt,
      eventDetail: {
        fileUrl: withoutQuery(entry.url),
        resourceCount: receipt.records - receipt.headers,
        fileSize: receipt.bytes,
        _file: entry.name,
      },
    },
  ];
}

/** A file that could not be obtained. @param why in words that are safe to keep */
export function missingFileEvents(entry: Entry, why: string, time: number): LogEvent[] {
  const fileUrl = withoutQuery(entry.url);
  const eventDetail = { fileUrl, body: null, code: null, message: why, responseHeaders: null, _file: entry.name };
  return [requestEvent(entry, time), { eventId: 'download_error', time, eventDetail }];
}

function requestEvent(entry: Entry, time: number): LogEvent {
  const eventDetail = {
    fileUrl: withoutQuery(entry.url),
    itemType: entry.kind,
    resourceType: lineType(entry) ?? null,
    // Not of the form, as the underscore says: URLs without their query may be equal.
    _file: entry.name,
  };
  return { eventId: 'download_request', time, eventDetail };
}
