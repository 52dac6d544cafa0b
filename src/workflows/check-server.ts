import { patched } from '@temporalio/workflow';
import type { CheckReport, CheckRequest } from '../contract.ts';
import { unwrap } from './failure.ts';
import { checkAsExport } from '../policy/request/check-as-export.ts';
import { requireValid } from './run-input.ts';
import { step } from './activity-options.ts';

/**
 * Checks a configured server and a destination without exporting anything.
 *
 * @throws ApplicationFailure `InvalidRequest` where an export that asks for the same would be refused by it,
 *   `UnknownServer`
 */
export async function checkServer(request: CheckRequest): Promise<CheckReport> {
  try {
    requireValid([checkAsExport(request)]);
  } catch (error) {
    // A check that began before that rule goes on.
    if (patched('checks-are-of-valid-requests')) throw error;
  }
  try {
    const rows = await step(`check ${request.server}`).checkServer(request);
    return { ok: rows.every(({ result }) => result !== 'failed'), rows };
  } catch (error) {
    throw unwrap(error);
  }
}
