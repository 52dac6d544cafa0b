import type * as v from 'valibot';
import type { Folder } from './folder.ts';

/**
 * What a place is for. Exports make their folders, the root of the destination too. Records go to a place that must be
 * there before, and workers may have the right to create them and no other. For a removal it must be there, too: what is
 * not mounted must not pass for empty.
 */
export type Use = 'exports' | 'records' | 'removal';

/** A kind of destination: its entry of the configuration, and how a place is opened there. */
export interface DestinationKind<Schema extends v.GenericSchema> {
  /** Value of the field `type`. */
  type: string;
  /** A strict object. A field named `path`, or ending in `File`, becomes an absolute path. */
  schema: Schema;
  /**
   * Where it is: names with "/" between them. What is below that lies in it.
   *
   * @param config with absolute paths
   */
  place(config: v.InferOutput<Schema>): string;
  /** The same, however the configuration spells it: two that share files have places of which one holds the other. */
  realPlace(config: v.InferOutput<Schema>): Promise<string>;
  /**
   * Opens a place.
   *
   * @param path below the destination, with "/" between names
   * @throws ExportError `DestinationFailed`; Error when a place that must be there is not
   */
  open(config: v.InferOutput<Schema>, path: string, use: Use): Promise<Folder>;
  /**
   * Looks whether the destination could be written to now, and changes nothing.
   *
   * @returns bytes that can still be written; undefined when it has no such limit
   * @throws why it cannot
   */
  look(config: v.InferOutput<Schema>, use: Use): Promise<number | undefined>;
}
