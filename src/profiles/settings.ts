import type { ExportRequest } from '../contract.ts';
import type { Endpoint } from '../fhir/operations.ts';

/** Level of an export. */
type Level = 'system' | 'patient' | 'group';

/** What a request may prefer. */
export type Preference = NonNullable<ExportRequest['prefer']>[number];

/** Something for each endpoint; where one is not named, nothing is known. */
export type PerEndpoint<T> = { readonly [Name in Endpoint]?: T | undefined };

/** An answer to a kick-off that has all of what is named here. */
export interface NotNowAnswer {
  /** HTTP status. */
  status?: number | undefined;
  /** Words of its body, in any case. */
  text?: string | undefined;
  /** Seconds until the next kick-off, where the answer names none; undefined: the worker's own rule. */
  waitSeconds?: number | undefined;
}

/**
 * All in which servers differ, as the worker uses it. Each is a field of a server in the configuration; what is not
 * there comes from the server's profile, and what no profile says from {@link DEFAULTS}.
 */
export interface ServerSettings {
  // Slots: read by the gate over all exports of a server.

  /** Exports that the server runs at a time; undefined: it has no such limit. */
  maxConcurrentExports: number | undefined;
  /** Whether that limit is for the client as a whole or for each of its groups. */
  exportsLimitedPer: 'client' | 'group';
  /**
   * Whether only DELETE of a finished job frees its slot; false: the end of the job does. Undefined: not known, so that an
   * export keeps the slot until then.
   */
  deleteFreesSlot: boolean | undefined;

  // Kick-off.

  /**
   * Answers to a kick-off that mean "not now": a job is running, or the last one was too recent. The export waits. Besides
   * them, 429 with the issue code `throttled`, and every 429 where {@link maxConcurrentExports} is known.
   */
  notNowAnswers: readonly NotNowAnswer[];
  /** Levels at which it exports. */
  levels: readonly Level[];
  /**
   * `auto`: POST with `patient`, for operations of payers, or where the server declares version 4 of the guide, else GET;
   * and the other method where the server answers 405. `get`: GET, except with `patient` (POST,
   * unless {@link patientInUrl} says how to put it in the URL) and where the server declares version 4.
   */
  kickOffMethod: 'auto' | 'get' | 'post';
  /**
   * How `_type`, `_elements` and `includeAssociatedData` with several values are sent. `auto`: joined by commas, and
   * repeated where the server declares version 4 of the guide.
   */
  lists: 'auto' | 'comma' | 'repeat';
  /**
   * How several `_typeFilter` are sent in a GET. `auto`: repeated, and joined by commas where the server declares version 1
   * or 2 of the guide.
   */
  typeFilterList: 'auto' | 'comma' | 'repeat';
  /**
   * Commas inside a `_typeFilter`: `encoded` once more (`%2C`), or `plain`. `auto`: encoded, unless the server declares
   * version 3 of the guide or newer.
   */
  typeFilterCommas: 'auto' | 'encoded' | 'plain';
  /**
   * Values of `Prefer` that the server takes besides `respond-async`; others are not sent. Undefined: all. Lenient handling
   * leaves out what is known not to work there, sent or not.
   */
  preferences: readonly Preference[] | undefined;
  /** Parameters that the server does not know, or that do not do there what they say. */
  unsupportedParameters: readonly string[];
  /** The only parameters that the server knows; of an endpoint that is not named, nothing is known. */
  knownParameters: PerEndpoint<readonly string[]>;
  /** Parameters that the server must be given, and their values. */
  neededParameters: PerEndpoint<Readonly<Record<string, string>>>;
  /**
   * `optional`: `patient` may be given at every level but `system`. `own-level`: at level `patient` it must be, and at
   * level `group` it must not.
   */
  patientParameter: 'optional' | 'own-level';
  /** How `patient` is sent in a GET: `Patient/1,Patient/2`, or the ids alone; undefined: it is sent by POST. */
  patientInUrl: 'reference' | 'id' | undefined;
  /** Values of `_outputFormat` besides NDJSON. */
  outputFormats: readonly string[];
  /** The only types that a `_typeFilter` may be for; undefined: all but {@link unfilterableTypes}. */
  filterableTypes: readonly string[] | undefined;
  /** Types that a `_typeFilter` must not be for. */
  unfilterableTypes: readonly string[];
  /** `_typeFilter` is understood beside `_type` only. */
  typeFilterNeedsType: boolean;
  /** Types that are exported only together with a type that is not in this list. */
  typesNeedingCompany: readonly string[];
  /** With `includeAssociatedData` and `_type`, `_type` must name Provenance. */
  associatedDataNeedsType: boolean;
  /** Without `_since`, the server exports only what is new since the client's last job. */
  sinceByDefault: boolean;
  /** An earlier `_since` is taken as if there were none; undefined: there is no such limit. An instant of FHIR. */
  earliestSince: string | undefined;

  // Authorization.

  /** `auto`: what the server declares. */
  scopeSyntax: 'auto' | 'v1' | 'v2';
  /** Scope for Binary, with attachments. `auto`: asked for, and left out if the server does not know it. */
  binaryScope: 'auto' | 'always' | 'never';
  /** Scope for Group, at level `group`. `auto`: asked for, and left out if the server does not know it. */
  groupScope: 'auto' | 'never';
  /**
   * Whether files get the token: `believe` what the manifest says, `always`, or `never`. Always at origins of the
   * configuration only.
   */
  requiresAccessToken: 'believe' | 'always' | 'never';
  /** Header that carries the client id of `auth`, to origins of the configuration; undefined: none. */
  clientIdHeader: string | undefined;

  // Polls.

  /** Seconds until the first poll, if the kick-off's answer names no time; undefined: the worker's own rule. */
  firstPollSeconds: number | undefined;
  /** Least seconds between two polls, whatever the server says; undefined: none. */
  shortestPollSeconds: number | undefined;
  /**
   * Most seconds that a `Retry-After` is believed of a kick-off, a poll, or a manifest that is read again; undefined: a
   * day.
   */
  longestPollSeconds: number | undefined;
  /** Seconds for which the status URL may be 404 after the kick-off; undefined: the worker's own rule. */
  statusLagSeconds: number | undefined;

  // Files.

  /** Files downloaded at a time by one worker process, over all exports. */
  maxConcurrentDownloads: number;
  /** Files downloaded at a time by all workers together; undefined: no such limit. Read by the gate. */
  maxDownloadsInAll: number | undefined;
  /** How often one file may be asked for; undefined: as often as needed. */
  maxDownloadsPerFile: number | undefined;
  /** Seconds for which a file may be 404 although the manifest names it; undefined: the worker's own rule. */
  fileLagSeconds: number | undefined;
  /** Hours that files stay after the export is complete, where the manifest does not say it; undefined: not known. */
  filesKeptHours: number | undefined;
  /** Seconds for which links to files work after the manifest was read, where neither it nor they say it; undefined: not known. */
  linksLastSeconds: number | undefined;

  // Changes since the last export.

  /** Whether resources that were deleted since `_since` are reported; undefined: not known. */
  reportsDeletions: boolean | undefined;
  /** Levels at which `_since` brings all of patients who came since; undefined: not known. */
  newPatientsInFull: readonly Level[] | undefined;
  /** `transactionTime` may be the end of the job: what changes while it runs is before it, and maybe not exported. */
  transactionTimeIsEnd: boolean;

  // Support.

  /** Headers of answers by which the vendor's support finds a request, in lower case. */
  requestIdHeaders: readonly string[];
}

/** What holds where neither the configuration nor the profile says anything. */
export const DEFAULTS: ServerSettings = {
  maxConcurrentExports: undefined,
  exportsLimitedPer: 'client',
  deleteFreesSlot: undefined,
  notNowAnswers: [],
  levels: ['system', 'patient', 'group'],
  kickOffMethod: 'auto',
  lists: 'auto',
  typeFilterList: 'auto',
  typeFilterCommas: 'auto',
  preferences: undefined,
  unsupportedParameters: [],
  knownParameters: {},
  neededParameters: {},
  patientParameter: 'optional',
  patientInUrl: undefined,
  outputFormats: [],
  filterableTypes: undefined,
  unfilterableTypes: [],
  typeFilterNeedsType: false,
  typesNeedingCompany: [],
  associatedDataNeedsType: false,
  sinceByDefault: false,
  earliestSince: undefined,
  scopeSyntax: 'auto',
  binaryScope: 'auto',
  groupScope: 'auto',
  requiresAccessToken: 'believe',
  clientIdHeader: undefined,
  firstPollSeconds: undefined,
  shortestPollSeconds: undefined,
  longestPollSeconds: undefined,
  statusLagSeconds: undefined,
  maxConcurrentDownloads: 8,
  maxDownloadsInAll: undefined,
  maxDownloadsPerFile: undefined,
  fileLagSeconds: undefined,
  filesKeptHours: undefined,
  linksLastSeconds: undefined,
  reportsDeletions: undefined,
  newPatientsInFull: undefined,
  transactionTimeIsEnd: false,
  requestIdHeaders: [
    'x-request-id',
    'x-correlation-id',
    'cerner-correlation-id',
    'x-amzn-requestid',
    'x-amzn-trace-id',
    'x-ms-request-id',
    'request-id',
  ],
};
