import { BULK_EXPORT, SEARCH_ATTRIBUTES } from '../contract.ts';
import { quoted } from '../process/quoted.ts';

/** Milliseconds between two looks. */
const INTERVAL = 60_000;
/** Milliseconds within which an export that runs has set its search attributes, if it sets them at all. */
const SET = 10 * 60_000;

const WAITS = `${SEARCH_ATTRIBUTES.phase} = 'needs-attention'`;

/** Where exports are looked for. */
export interface ExportsPlace {
  /** Of a connection to Temporal. */
  workflowService: {
    countWorkflowExecutions(request: { namespace: string; query: string }): Promise<{ count?: unknown }>;
  };
  namespace: string;
  taskQueue: string;
  /** Configured names. */
  servers: readonly string[];
}

/**
 * Reports how many exports of each server wait for an operator, until it is ended. Temporal knows it, whichever worker they
 * ran on and whenever that was. NaN where it does not say so any more, and instead of none where an export runs that sets no
 * search attributes; nothing where the namespace lacks them.
 *
 * @param times milliseconds
 */
export function watchAttention(
  { workflowService, namespace, taskQueue, servers }: ExportsPlace,
  report: (server: string, exports: number) => void,
  { interval = INTERVAL, set = SET } = {},
): { end(): void } {
  const count = async (condition: string): Promise<number> => {
    const query =
      `WorkflowType = '${BULK_EXPORT}' AND TaskQueue = ${quoted(taskQueue)} AND ExecutionStatus = 'Running' ` +
      `AND ${condition}`;
    return Number((await workflowService.countWorkflowExecutions({ namespace, query })).count);
  };
  const latest = new Map<string, number>();
  let isLooking = false;
  let isEnded = false;
  const tell = (server: string, exports: number): void => {
    if (isEnded) return;
    latest.set(server, exports);
    report(server, exports);
  };
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      // In most minutes there is none, and two questions are enough.
      const isNone = (await count(WAITS)) === 0;
      const opened = new Date(Date.now() - set).toISOString();
      const silent = await count(`${SEARCH_ATTRIBUTES.phase} IS NULL AND StartTime < '${opened}'`);
      for (const server of servers) {
        const exports = isNone ? 0 : await count(`${WAITS} AND ${SEARCH_ATTRIBUTES.server} = ${quoted(server)}`);
        tell(server, exports === 0 && silent > 0 ? NaN : exports);
      }
    } catch {
      for (const server of latest.keys()) tell(server, NaN);
    }
    isLooking = false;
  };
  void look();
  const timer = setInterval(() => void look(), interval).unref();
  return {
    end: () => {
      isEnded = true;
      clearInterval(timer);
    },
  };
}
