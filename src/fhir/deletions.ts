import { faultOfInstant } from './instant.ts';
import { isResourceType } from './resource-types.ts';

/** Types that FHIR does not know and that have a count of their own: servers invent types. */
const MOST_UNKNOWN = 100;
/** Where the deletions of all further ones are counted, and entries that name no resource. */
const UNKNOWN = 'unknown';

/** A resource that was deleted. */
export interface Deletion {
  type: string;
  id: string;
  /** When it was, as far as the server says. */
  time?: string | undefined;
}

/** An entry of a deleted file, with what its Bundle says of all of them. */
interface DeletedEntry {
  request?: { method?: unknown; url?: unknown } | null;
  /** `meta.lastUpdated` of the Bundle. */
  lastUpdated?: unknown;
}

/**
 * Reads and counts what the entries of deleted files name, in bounded memory.
 * Source: Bulk Data IG 2.0: Bundles of type transaction whose entries are DELETE requests.
 */
export class Deletions {
  readonly #counts = new Map<string, number>();
  #unknown = 0;
  #unnamed = 0;

  /** Entries that name no resource, such as a search. */
  get unnamed(): number {
    return this.#unnamed;
  }

  /**
   * Counts an entry.
   *
   * @param entry of a Bundle
   * @returns the resource that it names; undefined when it names none, such as a search
   */
  add(entry: unknown): Deletion | undefined {
    const { request, lastUpdated } = (entry ?? {}) as DeletedEntry;
    const [type, id] = resourceOf(request) ?? [];
    if (type === undefined) this.#unnamed++;
    const key = this.#keyOf(type ?? UNKNOWN);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    if (type === undefined || id === undefined) return undefined;
    const isTime = typeof lastUpdated === 'string' && faultOfInstant(lastUpdated) === undefined;
    return { type, id, ...(isTime ? { time: lastUpdated } : {}) };
  }

  /** By resource type; `unknown` for entries that name none. */
  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  #keyOf(type: string): string {
    if (isResourceType(type) || this.#counts.has(type)) return type;
    return this.#unknown++ < MOST_UNKNOWN ? type : UNKNOWN;
  }
}

/** Type and id of the resource, or of a version of it, that a request deletes; undefined when it names none. */
function resourceOf(request: DeletedEntry['request']): [type: string, id: string] | undefined {
  const { method, url } = request ?? {};
  if (typeof method !== 'string' || method.toUpperCase() !== 'DELETE' || typeof url !== 'string') return undefined;
  const [path = ''] = url.split(/[?#]/);
  const [, type, id] = /(?:^|\/)([A-Z][A-Za-z]{1,63})\/([^/]+?)(?:\/_history\/[^/]+)?\/?$/.exec(path) ?? [];
  // A search at a server whose path looks like a type.
  return type === undefined || id === undefined || isResourceType(id) ? undefined : [type, id];
}
