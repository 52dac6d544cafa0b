import { BULK_EXPORT, SEARCH_ATTRIBUTES } from '../contract.ts';

/** Milliseconds between two looks. */
const INTERVAL = 60_000;

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
 * ran on and whenever that was. NaN where it does not say so any more; nothing where the namespace lacks the search
 * attributes.
 *
 * @param interval milliseconds
 */
export function watchAttention(
  { workflowService, namespace, taskQueue, servers }: ExportsPlace,
  report: (server: string, exports: number) => void,
  interval = INTERVAL,
): { end(): void } {
  const count = async (more = ''): Promise<number> => {
    const query =
      `WorkflowType = '${BULK_EXPORT}' AND TaskQueue = '${taskQueue.replaceAll("'", "''")}' AND ExecutionStatus = 'Running' ` +
      `AND ${SEARCH_ATTRIBUTES.phase} = 'needs-attention'${more}`;
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
      // In most minutes there is none, and one question is enough.
      const isNone = (await count()) === 0;
      for (const server of servers) {
        tell(server, isNone ? 0 : await count(` AND ${SEARCH_ATTRIBUTES.server} = '${server}'`));
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
