import { randomUUID } from 'node:crypto';
import { AuditTrail } from '../../audit/audit-trail.ts';
import type { Config } from '../../config.ts';
import type { Owner } from '../../export-folder/owner-mark.ts';
import type { RemovalOrder, RemovalRecord } from '../../export-folder/removal-record.ts';
import type { StoredExport } from '../../export-folder/stored-exports.ts';
import { lookAt } from '../../storage/destinations.ts';
import { encodeSegment } from '../../workflows/default-path.ts';

/** Bytes of a workflow's id in a name of 255, beside the id of a run, that of the removal, and `.removal.json`. */
const LONGEST_ID = 255 - 2 * '.xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx'.length - '.removal.json'.length;

/** Why a call begins no further removal, at any destination. */
export interface TrailFault {
  error?: Error;
}

/** What a call says of itself. */
interface Call {
  destination: string;
  /** ISO 8601. */
  retention: string;
  requestedBy?: string | undefined;
  all: boolean;
  forgotten: boolean;
}

/**
 * The removals of one call, in the audit trail: each is an object of its own, written when the export is gone and while the
 * record of its removal is still in its folder. A call that is killed before is followed by one that completes the removal;
 * one that is killed after it finds its object.
 */
export class RemovalTrail {
  readonly #trail: AuditTrail;
  readonly #call: Call;
  readonly #fault: TrailFault;

  private constructor(trail: AuditTrail, call: Call, fault: TrailFault) {
    this.#trail = trail;
    this.#call = call;
    this.#fault = fault;
  }

  /**
   * Looks at the trail before anything is removed: a removal that cannot be recorded is noticed when the files are gone.
   *
   * @param fault of all destinations of the call
   * @returns undefined where the configuration has no audit trail
   * @throws Error when it is unreachable or full, or cannot be written to as far as can be seen without a record
   */
  static async open(
    { audit }: Pick<Config, 'audit'>,
    call: Call,
    fault: TrailFault = {},
  ): Promise<RemovalTrail | undefined> {
    if (audit === undefined) return undefined;
    const trail = new RemovalTrail(await AuditTrail.open(audit), call, fault);
    trail.requireRecords();
    if ((await lookAt(audit.destination, 'records')) === 0) throw new Error('audit: no space is left');
    return trail;
  }

  /** @throws Error when a removal could not be recorded: without records, nothing more is removed */
  requireRecords(): void {
    if (this.#fault.error !== undefined) throw new Error(`not begun, because of ${this.#fault.error.message}`);
  }

  /** To be kept with the removal of an export. */
  orderFor({ state }: StoredExport): RemovalOrder {
    const { retention, requestedBy, all, forgotten } = this.#call;
    return {
      id: randomUUID(),
      orderedAt: new Date().toISOString(),
      ...(requestedBy === undefined ? {} : { requestedBy }),
      retention,
      ...(all ? { all } : {}),
      ...(forgotten ? { forgotten } : {}),
      ...(state === 'half-removed' ? {} : { state }),
    };
  }

  /**
   * Records a removal.
   *
   * @param location as users know it
   * @throws Error when that fails
   */
  async record(
    { mark, endedAt, order: { id, ...order } }: RemovalRecord & { order: RemovalOrder },
    location: string,
  ): Promise<void> {
    const owner: Omit<Owner, 'runId'> & { runId?: string } = mark.owner;
    const { workflowId, runId = owner.firstRunId } = owner;
    // Beside the record of the start, which is a moment older than the mark.
    const month = new Date(Date.parse(mark.createdAt) || endedAt).toISOString().slice(0, 7);
    const name = `${month}/${encodeSegment(workflowId, LONGEST_ID)}.${encodeSegment(runId)}`;
    const { baseUrl } = mark;
    const { destination } = this.#call;
    try {
      const removed = { workflowId, runId, ...order, baseUrl, destination, location, endedAt };
      await this.#trail.recordRemoval(name, id, { event: 'removal', ...removed });
    } catch (error) {
      this.#fault.error = new Error(`audit: ${(error as Error).message}`, { cause: error });
      throw this.#fault.error;
    }
  }
}
