import { createHash } from 'node:crypto';
import type { Folder } from '../storage/folder.ts';
import { openPlace } from '../storage/destinations.ts';
import { ExportError } from '../errors.ts';
import type { AuditEvent, AuditedRemoval } from './audit-record.ts';
import type { AuditConfig } from './audit-schema.ts';

/** Bytes of a name that file systems take. */
const LONGEST_NAME = 255;

/** Which records of a trail are meant. */
export interface RecordName {
  /** Of the export, the same for all its records. */
  name: string;
  /** Id of the run that ends, when a reset has made it: an earlier run may have ended, too. */
  resetRun?: string | undefined;
}

/** What a worker adds to a record. */
interface Found {
  /** Of the FHIR server. */
  baseUrl?: string;
  /** Hexadecimal, of `manifest.json`, where the event has none. */
  manifestSha256?: string;
  /** What could not be found out, and why. */
  unknown?: readonly string[];
}

/** A trail that is open. */
export class AuditTrail {
  readonly #folder: Folder;

  private constructor(folder: Folder) {
    this.#folder = folder;
  }

  /** @throws Error when it is unreachable, or its folder does not exist */
  static async open({ destination }: Pick<AuditConfig, 'destination'>): Promise<AuditTrail> {
    return new AuditTrail(await openPlace(destination, '', 'records'));
  }

  /** Whether the start of an export has been recorded here; undefined when workers may not read. */
  async hasStart({ name }: RecordName): Promise<boolean | undefined> {
    try {
      return (await this.#folder.size(`${name}.start.json`)) !== undefined;
    } catch (error) {
      if (error instanceof ExportError) return undefined;
      throw error;
    }
  }

  /**
   * Records an event as an object of its own, which is never overwritten: a retry finds what it has written before.
   *
   * @throws Error when it cannot be written
   */
  async record({ name, resetRun }: RecordName, event: AuditEvent, found: Found): Promise<void> {
    const run = event.event === 'start' || resetRun === undefined ? '' : `.${resetRun}`;
    await this.#create(`${name}${run}.${event.event}`, { ...event, ...found });
  }

  /**
   * Records that an export was removed, once for each removal.
   *
   * @param name of the export, as in {@link RecordName}
   * @param id of the removal: a folder that was put back may be removed again
   * @throws Error when it cannot be written
   */
  async recordRemoval(name: string, id: string, removal: AuditedRemoval): Promise<void> {
    await this.#create(`${name}.${id}.${removal.event}`, removal);
  }

  async #create(name: string, fields: object): Promise<void> {
    const record = { time: new Date().toISOString(), ...fields };
    await this.#folder.create(fitting(`${name}.json`), `${JSON.stringify(record, null, 1)}\n`);
  }
}

/** The same path with a shorter id of the workflow, where its name would be too long: that of a reset run has two ids more. */
function fitting(path: string): string {
  const [, folder = '', id = '', rest = ''] = /^(.*\/)?([^./]*)(.*)$/.exec(path) ?? [];
  if (id.length + rest.length <= LONGEST_NAME) return path;
  const hash = `~${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;
  return `${folder}${id.slice(0, LONGEST_NAME - hash.length - rest.length)}${hash}${rest}`;
}
