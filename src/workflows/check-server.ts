import type { CheckReport, CheckRequest } from '../contract.ts';
import { unwrap } from './failure.ts';
import { step } from './activity-options.ts';

/** Checks a configured server and a destination without exporting anything. */
export async function checkServer(request: CheckRequest): Promise<CheckReport> {
  try {
    const rows = await step(`check ${request.server}`).checkServer(request);
    return { ok: rows.every(({ result }) => result !== 'failed'), rows };
  } catch (error) {
    throw unwrap(error);
  }
}
