import { isResourceType } from './resource-types.ts';

/** Types that FHIR does not know and that have a count of their own: servers invent types. */
const MOST_UNKNOWN = 100;
/** Where the deletions of all further ones are counted, and those whose URL names no type. */
const UNKNOWN = 'unknown';

/**
 * Counts what the entries of deleted files name, in bounded memory.
 * Source: Bulk Data IG 2.0: Bundles of type transaction whose entries are DELETE requests.
 */
export class Deletions {
  readonly #counts = new Map<string, number>();
  #unknown = 0;

  /** @param entry of a Bundle */
  add(entry: unknown): void {
    const request = (entry as { request?: { method?: unknown; url?: unknown } | null } | null)?.request;
    if (request?.method !== 'DELETE' || typeof request.url !== 'string') return;
    const key = this.#keyOf(/(?:^|\/)([A-Z][A-Za-z]{1,63})\/[^/]+$/.exec(request.url)?.[1] ?? UNKNOWN);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** By resource type. */
  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  #keyOf(type: string): string {
    if (isResourceType(type) || this.#counts.has(type)) return type;
    return this.#unknown++ < MOST_UNKNOWN ? type : UNKNOWN;
  }
}
