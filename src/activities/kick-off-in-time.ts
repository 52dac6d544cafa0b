import { activityInfo, log } from '@temporalio/activity';
import { ExportFolder } from '../export-folder/export-folder.ts';
import { deleteJob } from './delete-job.ts';
import type { ActivityDeps } from './deps.ts';
import type { KickOffInput, KickOffResult } from './kick-off.ts';
import { kickOff } from './kick-off.ts';

/**
 * Starts the export on the FHIR server. A job that is accepted when its run has ended, because a server answered later than
 * a clean-up waits, is deleted here: nobody else knows it. Once, because no workflow is there to try again.
 *
 * @throws as `kickOff`
 */
export async function kickOffInTime(deps: ActivityDeps, input: KickOffInput): Promise<KickOffResult> {
  const result = await kickOff(deps, input);
  if (result.kind !== 'accepted') return result;
  const ref = { ...input.ref, generation: input.generation };
  const folder = await ExportFolder.open(deps.config, ref, { starting: true });
  if (!(await folder.job.isUnwanted(activityInfo().workflowExecution?.runId))) return result;
  const { token } = input;
  const deletion = await deleteJob(deps, { ref, removeParts: true, ...(token === undefined ? {} : { token }) });
  const reason = 'detail' in deletion ? deletion.detail : undefined;
  if (deletion.kind === 'deleted') log.info('the kick-off was answered when its run had ended; the job is deleted');
  else log.warn('the kick-off was answered when its run had ended; the server still has the job', { reason });
  return result;
}
