/** What became of a request for a file. */
export type Outcome =
  /** All of a version, or what makes it whole with what was there. */
  | 'delivered'
  /** All of something that is not the file. */
  | 'spoilt'
  /** Something that no client can use: a wrong range, a wrong length, a coding that nobody knows. */
  | 'unusable'
  | 'broken'
  | 'dead link'
  | 'refused'
  | 'token refused';

export interface Asked {
  /** Milliseconds since the epoch, by the clock of the test. */
  at: number;
  route: 'metadata' | 'smart' | 'token' | 'kick-off' | 'status' | 'file' | 'attachment' | 'delete' | 'unknown';
  method: string;
  path: string;
  headers: Readonly<Record<string, string | undefined>>;
  body: string;
  /** Of a file: its place in the case. */
  file?: number;
  /** Of a file: the reading that its link is from. */
  reading?: number;
  outcome?: Outcome;
  /** As sent. */
  status?: number;
  /** Milliseconds that a usable `Retry-After` asked for. */
  retryAfter?: number;
  /** Bytes of the body that were sent. */
  sent?: number;
}

/** What the server understood of the kick-off that it accepted. */
export interface Understood {
  types: string[];
  filters: string[];
}

/** All that a server has seen and said; what the oracle reads. */
export class Journal {
  readonly asked: Asked[] = [];
  /** Tokens and signatures that were given out, and the client's secret. */
  readonly secrets = new Set<string>();
  readonly understood: Understood[] = [];
  /** Words of refusals that an operator must see. */
  readonly words: string[] = [];
  jobs = 0;
  deleted = 0;
  /** Strong validators that were given out, by file. */
  readonly validators = new Map<number, Set<string>>();
  readonly problems: string[] = [];

  of(route: Asked['route']): Asked[] {
    return this.asked.filter((asked) => asked.route === route);
  }

  ofFile(file: number): Asked[] {
    return this.asked.filter((asked) => asked.file === file);
  }
}
