import * as v from 'valibot';
import { alternatives } from '../config/list-names.ts';
import { ExportError } from '../errors.ts';
import { directory } from './directory/index.ts';
import type { Use } from './destination-kind.ts';
import type { Folder } from './folder.ts';
import { s3 } from './s3/index.ts';

/** All kinds of destinations. */
const KINDS = [
  directory, //
  s3,
] as const;

/** A place that a worker can write to. */
export type DestinationConfig = v.InferOutput<typeof DestinationSchema>;

/** An entry of `destinations`. */
export const DestinationSchema = v.variant(
  'type',
  KINDS.map(({ schema }) => schema),
  `must have a type: ${alternatives(KINDS.map(({ type }) => type))}`,
);

/** What the configuration says of destinations. */
interface Destinations {
  destinations: Readonly<Record<string, DestinationConfig>>;
}

/**
 * Opens a place at a destination.
 *
 * @param name of the destination
 * @param path below it
 * @throws ExportError `UnknownDestination`, `DestinationFailed`; Error when a place that must be there is not
 */
export async function openDestination(
  { destinations }: Destinations,
  name: string,
  path: string,
  use: Use = 'exports',
): Promise<Folder> {
  const config = Object.hasOwn(destinations, name) ? destinations[name] : undefined;
  if (config === undefined) {
    throw new ExportError(
      'UnknownDestination',
      `this worker knows no destination "${name}"; it knows ${Object.keys(destinations).join(', ')}`,
    );
  }
  return openPlace(config, path, use);
}

/**
 * Opens a place at a destination that has no name.
 *
 * @throws ExportError `DestinationFailed`; Error when a place that must be there is not
 */
export async function openPlace(config: DestinationConfig, path: string, use: Use): Promise<Folder> {
  const kind = KINDS.find(({ type }) => type === config.type);
  return kind?.open(config as never, path, use) as Promise<Folder>;
}

/** Looks that have not ended. */
const looks = new WeakMap<DestinationConfig, Promise<number | undefined>>();

/**
 * Looks whether a destination could be written to now, and changes nothing. Whoever asks before a look has ended shares
 * it: on a file system that hangs each look would hold a thread of the process for ever.
 *
 * @returns bytes that can still be written; undefined when it has no such limit
 * @throws why it cannot
 */
export function lookAt(config: DestinationConfig, use: Use): Promise<number | undefined> {
  let look = looks.get(config);
  if (look === undefined) {
    look = lookAnew(config, use).finally(() => looks.delete(config));
    looks.set(config, look);
  }
  return look;
}

async function lookAnew(config: DestinationConfig, use: Use): Promise<number | undefined> {
  return KINDS.find(({ type }) => type === config.type)?.look(config as never, use);
}

/** Where a destination is: names with "/" between them. */
export function placeOf(config: DestinationConfig): string {
  return KINDS.find(({ type }) => type === config.type)?.place(config as never) ?? '';
}

/** The same, however the configuration spells it, as by a symbolic link. */
export async function realPlaceOf(config: DestinationConfig): Promise<string> {
  return KINDS.find(({ type }) => type === config.type)?.realPlace(config as never) ?? '';
}

/** The destination that is meant when a request names none. */
export function defaultDestination({ destinations }: Destinations): string {
  return Object.keys(destinations)[0] as string;
}
