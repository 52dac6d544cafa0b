import type { AttachmentState, DownloadState, ExportState, JobState, PollState } from './state.ts';

/**
 * What the server or we say of a result, for people.
 *
 * Activities of version 0.1.0 called it `words`; their results are in the histories of exports that still run.
 */
export function detailOf(result: { readonly detail: string }): string {
  const { detail, words } = result as { detail?: string; words?: string };
  return detail ?? words ?? '';
}

type WithWords<T> = Omit<T, 'detail'> & { words?: string; detail?: string | undefined };

/**
 * A state as runs handed it on before there was a `job`: what belongs to the job lay beside the rest, `detail` was called
 * `words`, and `pollRequested` was called `poked`.
 */
export type EarlierState<Retry> = Omit<ExportState<Retry>, 'job' | 'pollRequested'> &
  Omit<JobState<Retry>, 'poll' | 'downloads' | 'attachments'> & {
    poll: WithWords<PollState>;
    downloads?: WithWords<DownloadState<Retry>>;
    attachments?: Omit<AttachmentState<Retry>, 'downloads'> & { downloads: WithWords<DownloadState<Retry>> };
    poked?: true;
  };

/** A state that a run of any version handed on, in the shape of this one. */
export function inTodaysShape<Retry>(carried: ExportState<Retry> | EarlierState<Retry>): ExportState<Retry> {
  if ('job' in carried) return carried;
  const { generation, accepted, complete, poll, manifest, downloads, attachments, poked, ...rest } = carried;
  return {
    ...rest,
    pollRequested: poked,
    job: {
      generation,
      accepted,
      complete,
      poll: withDetail(poll),
      manifest,
      downloads: downloads && withDetail(downloads),
      attachments: attachments && { ...attachments, downloads: withDetail(attachments.downloads) },
    },
  };
}

function withDetail<T extends { words?: string; detail?: string | undefined }>({ words, ...rest }: T) {
  return { ...rest, detail: rest.detail ?? words };
}
