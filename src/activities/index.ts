import type { ActivityDeps } from './deps.ts';
import type { CheckRequest } from '../contract.ts';
import type { AskGateInput } from './ask-gate.ts';
import { askGate } from './ask-gate.ts';
import { checkServer } from './check-server.ts';
import type { DeleteJobInput } from './delete-job.ts';
import { deleteJob } from './delete-job.ts';
import type { DownloadFilesInput } from './download-files.ts';
import { downloadFiles } from './download-files.ts';
import type { FindEarlierGateInput } from './find-earlier-gate.ts';
import { findEarlierGate } from './find-earlier-gate.ts';
import type { FindGoneExportsInput } from './find-gone-exports.ts';
import { findGoneExports } from './find-gone-exports.ts';
import type { FindAttachmentsInput } from './find-attachments.ts';
import { findAttachments } from './find-attachments.ts';
import type { FindMembersInput } from './find-members.ts';
import { findMembers } from './find-members.ts';
import type { KeepMembersInput } from './keep-members.ts';
import { keepMembers } from './keep-members.ts';
import type { FindFilesInput } from './find-files.ts';
import { findFiles } from './find-files.ts';
import type { KickOffInput } from './kick-off.ts';
import { kickOffInTime } from './kick-off-in-time.ts';
import type { LeaveGateInput } from './leave-gate.ts';
import { leaveGate } from './leave-gate.ts';
import type { OpenExportInput } from './open-export.ts';
import { openExport } from './open-export.ts';
import type { PlanDownloadsInput } from './plan-downloads.ts';
import { planDownloads } from './plan-downloads.ts';
import type { PollStatusInput } from './poll-status.ts';
import { pollStatus } from './poll-status.ts';
import type { RecordAuditInput } from './record-audit.ts';
import { recordAudit } from './record-audit.ts';
import type { RefreshManifestInput } from './refresh-manifest.ts';
import { refreshManifest } from './refresh-manifest.ts';
import type { RefreshTokenInput } from './refresh-token.ts';
import { refreshToken } from './refresh-token.ts';
import { runActivity } from './run-activity.ts';
import type { SettleExportInput } from './settle-export.ts';
import { settleExport } from './settle-export.ts';

/**
 * Activities of the main task queue. Exports by another operation than `$export` have names of their own for what a
 * worker that knows no other would take for `$export`.
 */
export function activityImplementations(deps: ActivityDeps) {
  return {
    openExport: (input: OpenExportInput) => runActivity(() => openExport(deps, input)),
    openOperation: (input: OpenExportInput) => runActivity(() => openExport(deps, input)),
    findMembers: (input: FindMembersInput) => runActivity((attempt) => findMembers(deps, input, attempt)),
    keepMembers: (input: KeepMembersInput) => runActivity(() => keepMembers(deps, input)),
    refreshToken: (input: RefreshTokenInput) => runActivity(() => refreshToken(deps, input)),
    kickOff: (input: KickOffInput) => runActivity(() => kickOffInTime(deps, input)),
    kickOffOperation: (input: KickOffInput) => runActivity(() => kickOffInTime(deps, input)),
    pollStatus: (input: PollStatusInput) => runActivity((attempt) => pollStatus(deps, input, attempt)),
    refreshManifest: (input: RefreshManifestInput) => runActivity((attempt) => refreshManifest(deps, input, attempt)),
    planDownloads: (input: PlanDownloadsInput) => runActivity(() => planDownloads(deps, input)),
    checkServer: (input: CheckRequest) => runActivity(() => checkServer(deps, input)),
    findFiles: (input: FindFilesInput) => runActivity(() => findFiles(deps, input)),
    settleExport: (input: SettleExportInput) => runActivity((attempt) => settleExport(deps, input, attempt)),
    deleteJob: (input: DeleteJobInput) => runActivity(() => deleteJob(deps, input)),
    recordAudit: (input: RecordAuditInput) => runActivity((attempt) => recordAudit(deps, input, attempt)),
    askGate: (input: AskGateInput) => runActivity(() => askGate(deps, input)),
    leaveGate: (input: LeaveGateInput) => runActivity(() => leaveGate(deps, input)),
    findGoneExports: (input: FindGoneExportsInput) => runActivity((attempt) => findGoneExports(deps, input, attempt)),
    findEarlierGate: (input: FindEarlierGateInput) => runActivity(() => findEarlierGate(deps, input)),
  };
}

/** Activities of a server's own task queue, where Temporal holds the limit of concurrent downloads. */
export function createFileActivities(deps: ActivityDeps) {
  return {
    downloadFiles: (input: DownloadFilesInput) => runActivity((attempt) => downloadFiles(deps, input, attempt)),
    findAttachments: (input: FindAttachmentsInput) => runActivity((attempt) => findAttachments(deps, input, attempt)),
  };
}

export type Activities = ReturnType<typeof activityImplementations>;
export type FileActivities = ReturnType<typeof createFileActivities>;
