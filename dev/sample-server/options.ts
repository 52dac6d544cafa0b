import type { Authorization } from './authorization.ts';
import type { Message } from './http/answer.ts';
import type { JournalEntry } from './journal.ts';

/** Edition of the Bulk Data IG that the server follows: 1.0.1, 2.0.0, 3.0.0 or 4.0.0-ballot. */
export type FhirBulkVersion = 1 | 2 | 3 | 4;

/**
 * How the server reads lists and filters. `smart`: all repetitions of a list, filters decoded as a form, like the SMART
 * reference server. `hapi`: the first repetition only, filters decoded byte by byte, like HAPI FHIR.
 */
export type Reading = 'smart' | 'hapi';

/** All options; each has a default, which undefined stands for. The server always listens on 127.0.0.1. */
export type SampleServerOptions = {
  /** Default 0: a free port. */
  port?: number | undefined;
  /** Port of the second origin; default 0: a free one. */
  otherPort?: number | undefined;
  /** Size of the hospital; default 50. About 5,000 patients make 100 MB. */
  patients?: number | undefined;
  /** Default 1. Same seed, patients and base URL: same bytes (the base URL is part of attachment addresses). */
  seed?: number | undefined;
  /** A type with more lines is split into several files; default 500. */
  linesPerFile?: number | undefined;
  /** Default 3. */
  version?: FhirBulkVersion | undefined;
  /** Default `smart`. */
  reading?: Reading | undefined;
  /** Number of "in progress" answers before completion; default 2. */
  pollsUntilReady?: number | undefined;
  /** Completion by time instead, milliseconds after the kick-off. */
  readyAfterMs?: number | undefined;
  /** Jobs at a time: a kick-off is refused with 429 while so many are not deleted; default none. */
  maxJobs?: number | undefined;
  /** A job that nobody asks about for so long, in milliseconds, is deleted; default never. */
  forgottenAfterMs?: number | undefined;
  /** `Retry-After` of "in progress" answers; default `1`, empty for none. */
  retryAfter?: string | undefined;
  /** `X-Progress` of the nth poll (from 1). */
  progress?: ((poll: number) => string) | undefined;
  /** `other`: files come from a second port, which is another origin; default `same`. */
  filesOrigin?: 'same' | 'other' | undefined;
  /** Manifest flag; default false, and file URLs then carry a signature. */
  requiresAccessToken?: boolean | undefined;
  /** File items per manifest page (version 3 and later); default: one page, or two for partial manifests. */
  pageSize?: number | undefined;
  /** Honour `Prefer: separate-export-status` (version 3 and later); default true. */
  separateStatus?: boolean | undefined;
  /** Compress files for clients that accept gzip; default true. */
  gzip?: boolean | undefined;
  /** Default true. */
  countInManifest?: boolean | undefined;
  /** Version 4 only; default true. */
  fileSizeInManifest?: boolean | undefined;
  /** New file URLs in every manifest answer, like servers with signed URLs; default false. Old ones keep working. */
  renewFileUrls?: boolean | undefined;
  /** `Expires` of a complete manifest, seconds ahead; default 3600, 0 for none. */
  expiresInSeconds?: number | undefined;
  /** Content of the `error` or `outcome` file of every export; default none. */
  messages?: Message[] | undefined;
  /** Addresses of attachments in DocumentReferences; default `absolute`. */
  attachmentUrls?: 'absolute' | 'relative' | undefined;
  /** Default `/fhir`. */
  basePath?: string | undefined;
  /** Limit for file bodies, per connection; default none. */
  throttleBytesPerSecond?: number | undefined;
  /** Folder for generated files; default a temporary one, which `close()` removes. */
  dataFolder?: string | undefined;
  /** File for the jobs, so that a server with the same options (and port) knows them after a restart; default none. */
  stateFile?: string | undefined;
  /** Decides which requests to accept; default all. */
  authorization?: Authorization | undefined;
  /** Called after each request, when its answer has ended or its connection was closed. */
  onRequest?: ((entry: JournalEntry) => void) | undefined;
};

type OptionalSettings =
  | 'maxJobs'
  | 'forgottenAfterMs'
  | 'readyAfterMs'
  | 'pageSize'
  | 'throttleBytesPerSecond'
  | 'stateFile'
  | 'authorization'
  | 'onRequest';

/** The options with their defaults. */
export type Settings = {
  [K in Exclude<keyof SampleServerOptions, OptionalSettings>]-?: NonNullable<SampleServerOptions[K]>;
} & Pick<SampleServerOptions, OptionalSettings>;

/** Adds the defaults to the options. */
export function withDefaults(options: SampleServerOptions, dataFolder: string): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return {
    port: 0,
    otherPort: 0,
    patients: 50,
    seed: 1,
    linesPerFile: 500,
    version: 3,
    reading: 'smart',
    pollsUntilReady: 2,
    retryAfter: '1',
    progress: (poll) => `poll ${poll}, still working`,
    filesOrigin: 'same',
    requiresAccessToken: false,
    separateStatus: true,
    gzip: true,
    countInManifest: true,
    fileSizeInManifest: true,
    renewFileUrls: false,
    expiresInSeconds: 3600,
    messages: [],
    attachmentUrls: 'absolute',
    ...given,
    basePath: (options.basePath ?? '/fhir').replace(/\/+$/, ''),
    dataFolder,
  };
}
