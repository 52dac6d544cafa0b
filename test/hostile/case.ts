/** `Retry-After` in every form: RFC 9110, 10.2.3, and what servers make of it. */
export type RetryAfter =
  | { form: 'seconds'; value: number }
  /** An HTTP date so many seconds from now, which may lie in the past. */
  | { form: 'date'; in: number }
  | { form: 'text'; text: string };

/** An answer that brings nothing. */
export interface Refusal {
  status: number;
  retryAfter?: RetryAfter;
  body: 'none' | 'html' | 'transient' | 'final' | 'empty object';
}

/** What becomes of one answer on its way. */
export type Trouble =
  | { kind: 'refuse'; refusal: Refusal }
  /** The connection is closed after this share of the body. */
  | { kind: 'break'; at: number }
  /** Nothing more comes after this share of the body. */
  | { kind: 'stall'; at: number };

/** What is wrong with a file's content, in a way that can be seen in it. */
export const DEFECTS = ['two on one line', 'not JSON', 'page', 'other type', 'cut line', 'no object'] as const;
export type Defect = (typeof DEFECTS)[number];

/** How a request for a range is answered by a server that has not left ranges out. */
export const RANGES = [
  'honoured',
  'ignored',
  'open total',
  'short',
  'short, open total',
  'wrong start',
  'multipart',
] as const;
export type Ranges = (typeof RANGES)[number];

export interface FileCase {
  kind: 'output' | 'deleted' | 'error';
  /** Of its lines; absent where the output is organised. */
  type: string;
  lines: number;
  /** Bytes added to each line. */
  padding: number;
  /** Bytes of one more line. */
  longLine: number;
  newlineAtEnd: boolean;
  /** From so many deliveries on the file is another version. */
  changes: readonly number[];
  /** Versions take turns instead, as with replicas that differ. */
  alternates: boolean;
  /** `sometimes`: a strong one with every other answer, and none with the others. */
  validator: 'strong' | 'sometimes' | 'weak' | 'none';
  ranges: Ranges;
  /** A condition that does not hold turns a range into a whole file, as it must; or the range is sent nevertheless. */
  ifRange: 'honoured' | 'ignored';
  /** 206 to a request without a range. */
  unasked206: boolean;
  coding: 'never' | 'asked' | 'unasked' | 'unknown';
  length: 'right' | 'chunked' | 'until the end' | 'too small' | 'too large';
  count: 'right' | 'absent' | 'wrong';
  /** Of the first answers. */
  troubles: readonly Trouble[];
  /** Of all answers behind those. */
  forever?: Refusal;
  defect?: { what: Defect; deliveries: number };
  /** Milliseconds that its transfer takes, where time can be skipped. */
  takes: number;
}

export interface Links {
  /** Milliseconds for which a link is good; undefined: for ever. */
  lifetime?: number;
  /** `Expires` of the manifest says so. */
  said: boolean;
  /** What a dead link is answered with. */
  refusal: 401 | 403 | 404 | 410;
  /** What another reading of the manifest brings. */
  renewal: 'same' | 'signed anew' | 'new addresses' | 'other files';
  /** Files are in another order at each reading. */
  reordered: boolean;
}

export interface TokenCase {
  /** Scopes that are not known, which refuses the whole request. */
  refuses: 'none' | 'Binary' | 'all';
  /** Seconds. */
  lifetime: number;
  troubles: readonly Refusal[];
}

/** A server, an export and what happens to it: plain data that can be shown, repeated and made smaller. */
export interface Case {
  level: 'system' | 'patient' | 'group';
  types: readonly string[];
  filters: readonly string[];
  attachments: 'none' | 'raw' | 'Binary' | 'Binary without data';
  method: 'auto' | 'get' | 'post';
  workers: 1 | 2;
  slots: number;
  /** How lists of parameters are read: HAPI takes the first repetition and commas, SMART both. */
  reads: 'hapi' | 'smart';
  /** Version of the IG in the CapabilityStatement. */
  declares?: 2 | 3 | 4;
  /** Compresses answers unless a request says that it must not (RFC 9110, 12.5.3). */
  compresses: boolean;
  token?: TokenCase;
  kickOff: readonly (Refusal | { kind: 'break' })[];
  status: readonly (Refusal | { kind: 'break' })[];
  /** Files for each manifest page. */
  perPage: number;
  organised: boolean;
  needsToken: boolean;
  links: Links;
  files: readonly FileCase[];
  deletion: 202 | 404 | 405 | 500;
  /**
   * `overtaken`: a download that asks for the rest of a file is taken for dead and attempted once more; its answer comes
   * when the next attempt has begun.
   */
  interventions: { pollNow: readonly number[]; cancelAt?: number; continueAfter?: number; overtaken?: true };
}
