import type { ExportProgress, ExportReport } from '../../contract.ts';

/** What happens during a command, in order. With `--json` each is one line; times are ISO 8601 in UTC. */
export type ExportEvent =
  /** Which Temporal service is used; first of all but notices about what takes long. */
  | { kind: 'temporal'; service: 'configured' | 'embedded'; address: string; webUi?: string; state?: string }
  /**
   * The export that is followed: begun now; `running` already, and followed; `resumed` in its folder, where an earlier run
   * left off; or found `complete` there.
   */
  | {
      kind: 'export';
      how: 'started' | 'running' | 'resumed' | 'complete';
      workflowId: string;
      path: string;
      since?: string;
    }
  /** Something that a person should know, such as that nobody serves the export. */
  | { kind: 'notice'; text: string }
  /** As the query `progress` answers. */
  | { kind: 'progress'; time: string; progress: ExportProgress }
  /** The export is complete. */
  | { kind: 'report'; report: ExportReport; seconds?: number }
  /** The export failed: the code and message of the failure, and what to do next. */
  | { kind: 'failure'; code: string; message: string; next?: string; log?: string }
  | { kind: 'cancelled'; workflowId: string }
  /** This command stops; the export goes on, or can. */
  /** `isWatched`: the command only looks at it, and stops nothing. */
  | { kind: 'interrupted'; workflowId: string; goesOn: boolean; isWatched?: true; next: string };

/** Shows events. */
export interface View {
  show(event: ExportEvent): void;
  /** Leaves the screen in order. */
  end(): void;
}
