/** A metric as Prometheus knows it, without the prefix of its name. */
export interface Metric {
  kind: 'counter' | 'gauge' | 'histogram';
  help: string;
  /** Ours; what workflows record also has those of the SDK: `namespace`, `taskQueue`, `workflowType`. */
  labels: readonly string[];
  /** Who records it: the process at work, or the workflow, whichever worker runs it. */
  from: 'worker' | 'workflow';
  /** Upper bounds of a histogram, in seconds. */
  buckets?: readonly number[];
}

/** Before the name of each metric of ours. */
export const PREFIX = 'fhir_bulk_export_';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * All metrics of ours. No id, URL, path or text of a server is a label: servers and destinations are entries of the
 * configuration, everything else is of a closed list.
 */
export const METRICS = {
  info: { kind: 'gauge', help: '1 while the worker runs.', labels: ['version'], from: 'worker' },
  http_answers_total: {
    kind: 'counter',
    help: 'Answers to HTTP requests, redirects included; `status` is `2xx`, `3xx`, `4xx`, `5xx`, or `none` where no answer came.',
    labels: ['server', 'request', 'status'],
    from: 'worker',
  },
  received_bytes_total: {
    kind: 'counter',
    help: 'Bytes of files as they come, unpacked. Those that have to be fetched again count each time.',
    labels: ['server'],
    from: 'worker',
  },
  files_total: {
    kind: 'counter',
    help: 'Files that were stored whole.',
    labels: ['server', 'type'],
    from: 'worker',
  },
  resources_total: { kind: 'counter', help: 'Resources in them.', labels: ['server', 'type'], from: 'worker' },
  bytes_total: { kind: 'counter', help: 'Bytes of them, as stored.', labels: ['server', 'type'], from: 'worker' },
  refetched_bytes_total: {
    kind: 'counter',
    help: 'Bytes of files that came and have to be fetched again: their `content` failed a check; the transfer was `broken` or `stopped` before they were durable; or the server gave no rest to what was there (`not-resumable`).',
    labels: ['server', 'cause'],
    from: 'worker',
  },
  content_faults_total: {
    kind: 'counter',
    help: 'Files that came and failed a check.',
    labels: ['server'],
    from: 'worker',
  },
  tokens_total: {
    kind: 'counter',
    help: 'Tokens that exports asked for: `granted`, `refused`, or `unavailable` for now.',
    labels: ['server', 'outcome'],
    from: 'worker',
  },
  destination_ok: {
    kind: 'gauge',
    help: '1 when the destination could be written to, as far as a look tells, and 0 when not, or when it gave no answer; checked once a minute (for a bucket: one or two requests). The audit trail is `audit.destination`.',
    labels: ['destination'],
    from: 'worker',
  },
  destination_free_bytes: {
    kind: 'gauge',
    help: 'Bytes that can still be written, read once a minute; NaN when the destination cannot be written to, or gives no answer. Buckets have no such limit. The audit trail is `audit.destination`.',
    labels: ['destination'],
    from: 'worker',
  },
  needing_attention: {
    kind: 'gauge',
    help: 'Exports that wait for an operator now, as Temporal knows, which is asked once a minute: each worker has the same number. Not there where the namespace lacks the search attributes; NaN when Temporal does not answer, and instead of 0 where an export runs that sets none.',
    labels: ['server'],
    from: 'worker',
  },
  oldest_job_accepted_seconds: {
    kind: 'gauge',
    help: 'When the server accepted the oldest job that it has left in progress, in seconds since the epoch, of the jobs that this worker polls; 0: there is none.',
    labels: ['server'],
    from: 'worker',
  },
  phases_total: {
    kind: 'counter',
    help: 'Exports that entered a phase. The first is `starting`, so that it counts the exports that began.',
    labels: ['server', 'phase'],
    from: 'workflow',
  },
  exports_ended_total: {
    kind: 'counter',
    help: 'Exports that ended: with the status of their report, `cancelled`, or the code of their failure, or `failed` where that has none of the table.',
    labels: ['server', 'outcome'],
    from: 'workflow',
  },
  audit_records_total: {
    kind: 'counter',
    help: 'Records for the audit trail, by `event` (`start` or `end`): `recorded`, or `lost` after an hour of attempts.',
    labels: ['event', 'outcome'],
    from: 'workflow',
  },
  files_put_off_total: {
    kind: 'counter',
    help: 'How often files were put off, to be fetched again, by cause: `fetchedAgain` of the report.',
    labels: ['server', 'cause'],
    from: 'workflow',
  },
  poll_wait_seconds: {
    kind: 'histogram',
    help: 'How long exports wait before a poll.',
    labels: ['server'],
    from: 'workflow',
    buckets: [1, 5, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR],
  },
  manifest_seconds: {
    kind: 'histogram',
    help: 'Time from the accepted kick-off to the complete manifest.',
    labels: ['server'],
    from: 'workflow',
    buckets: [10, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 3 * DAY, 7 * DAY],
  },
  gate_exports: {
    kind: 'gauge',
    help: 'Exports at the gate of a server: `held` have a slot, `waiting` want one.',
    labels: ['server', 'slot'],
    from: 'workflow',
  },
  gate_downloads: {
    kind: 'gauge',
    help: 'Downloads at a time that the gate allows all exports together now.',
    labels: ['server'],
    from: 'workflow',
  },
  gate_told_seconds: {
    kind: 'gauge',
    help: 'When the gate last said so, in seconds since the epoch: a gate moves between workers, and the latest is right.',
    labels: ['server'],
    from: 'workflow',
  },
} as const satisfies Record<string, Metric>;

type Table = typeof METRICS;
/** Name of a metric without the prefix. */
export type MetricName = keyof Table;
/** Names of the metrics of one kind. */
export type NamesOf<Kind extends Metric['kind']> = {
  [Name in MetricName]: Table[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
/** A value for each label of a metric. */
export type LabelsOf<Name extends MetricName> = Record<Table[Name]['labels'][number], string>;

/** Bounds of our histograms by their full names, for `histogramBucketOverrides` of the SDK's `Runtime`. */
export const HISTOGRAM_BUCKETS: Record<string, number[]> = Object.fromEntries(
  Object.entries<Metric>(METRICS).flatMap(([name, { buckets }]) =>
    buckets === undefined ? [] : [[`${PREFIX}${name}`, [...buckets]]],
  ),
);
