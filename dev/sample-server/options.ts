import type { Authorization } from './authorization.ts';
import type { JournalEntry } from './journal.ts';
import type { Message } from './http/operation-outcome.ts';

/** Edition of the Bulk Data IG whose rules and manifest shape the server follows: 1.0.1, 2.0.0, 3.0.0 or 4.0.0-ballot. */
export type FhirBulkVersion = 1 | 2 | 3 | 4;

/**
 * How lists and filters are read. `smart`: all repetitions of a list, filters decoded as a form, as the SMART reference
 * server does. `hapi`: the first repetition only, filters decoded byte by byte, as HAPI FHIR does.
 */
export type Reading = 'smart' | 'hapi';

/** Everything that can be set; every member has a default. The server always listens on 127.0.0.1. */
export type SampleServerOptions = {
  /** Default 0: a free port. */
  port?: number;
  /** Port of the second origin; default 0: a free one. */
  otherPort?: number;
  /** Size of the hospital; default 50. 100 MB are about 5000 patients. */
  patients?: number;
  /** Default 1. Same seed, patients and base URL: same bytes (the base URL is part of attachment addresses). */
  seed?: number;
  /** A type with more lines is split into several files; default 500. */
  linesPerFile?: number;
  /** Default 3. */
  version?: FhirBulkVersion;
  /** Default `smart`. */
  reading?: Reading;
  /** Number of "in progress" answers before completion; default 2. */
  pollsUntilReady?: number;
  /** Completion by time instead, milliseconds after the kick-off. */
  readyAfterMs?: number;
  /** `Retry-After` of "in progress" answers; default `1`, empty for none. */
  retryAfter?: string;
  /** `X-Progress` of the nth poll (from 1). */
  progress?: (poll: number) => string;
  /** `other`: files come from a second port, which is another origin; default `same`. */
  filesOrigin?: 'same' | 'other';
  /** Manifest flag; default false, and file URLs then carry a signature. */
  requiresAccessToken?: boolean;
  /** File items per manifest page (version 3 and later); default: one page, or two for partial manifests. */
  pageSize?: number;
  /** Honour `Prefer: separate-export-status` (version 3 and later); default true. */
  separateStatus?: boolean;
  /** Compress files for clients that accept gzip; default true. */
  gzip?: boolean;
  /** Default true. */
  countInManifest?: boolean;
  /** Version 4 only; default true. */
  fileSizeInManifest?: boolean;
  /** New file URLs in every manifest answer, as servers with signed URLs do; default false. The old ones go on working. */
  renewFileUrls?: boolean;
  /** `Expires` of a complete manifest, seconds ahead; default 3600, 0 for none. */
  expiresInSeconds?: number;
  /** Told in the `error` or `outcome` file of every export; default none. */
  messages?: Message[];
  /** Addresses of attachments in DocumentReferences; default `absolute`. */
  attachmentUrls?: 'absolute' | 'relative';
  /** Default `/fhir`. */
  basePath?: string;
  /** For file bodies, per connection; default unlimited. */
  throttleBytesPerSecond?: number;
  /** Where generated files are kept; default a temporary folder, removed by `close()`. */
  dataFolder?: string;
  /** Jobs are written here, so that a server started again with the same options (and port) still knows them. */
  stateFile?: string;
  /** Who may come in; default everybody. */
  authorization?: Authorization;
  /** Called after each request, when its connection is done with it. */
  onRequest?: (entry: JournalEntry) => void;
};

type OptionalSettings = 'readyAfterMs' | 'pageSize' | 'throttleBytesPerSecond' | 'stateFile' | 'onRequest';

/** The options with their defaults. */
export type Settings = Required<Omit<SampleServerOptions, OptionalSettings | 'authorization' | 'dataFolder'>> &
  Pick<SampleServerOptions, OptionalSettings | 'authorization'> & { dataFolder: string };

export function withDefaults(options: SampleServerOptions, dataFolder: string): Settings {
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
    ...options,
    basePath: (options.basePath ?? '/fhir').replace(/\/+$/, ''),
    dataFolder,
  };
}
