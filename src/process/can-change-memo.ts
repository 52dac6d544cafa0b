import { Context } from '@temporalio/activity';
import { askService } from './ask-service.ts';

/**
 * Whether the service changes the memo of a workflow that runs. Temporal's test server, which skips time, does not, and a
 * workflow that tries gets stuck there. Call it in an activity only.
 */
export async function canChangeMemo(): Promise<boolean> {
  const { connection } = Context.current().client;
  return askService(
    async () => (await connection.workflowService.getSystemInfo({})).capabilities?.upsertMemo === true,
    () => false,
  );
}
