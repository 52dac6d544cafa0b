/** Header of Temporal by which traces go from callers to workflows and on to activities, as its own interceptors write it. */
export const TRACE_HEADER = '_tracer-data';

/** A span, as others name it whose parent it is (W3C Trace Context). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** 16 hexadecimal digits. */
  spanId: string;
  /** Bit 0: it is recorded. */
  flags: number;
  /** `tracestate`: what tracing systems add of their own. */
  state?: string;
}

/** Members of a list, such as `vendor=value,other=value`. */
const STATE = /^(?=.{1,512}$)[ \t,]*[a-z0-9][\w@*/-]*=[\x20-\x7e]*$/;

/** What is in the header. */
export type Carrier = Record<string, string>;

export function toCarrier({ traceId, spanId, flags, state }: TraceContext): Carrier {
  return {
    traceparent: `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`,
    ...(state === undefined ? {} : { tracestate: state }),
  };
}

/**
 * Reads what somebody has sent; undefined when it names no span. Baggage is left out: it may say anything. So is a
 * `tracestate` of more than 512 characters, which tracing systems need not pass on: it goes into many events of a history.
 *
 * @param carrier with the fields `traceparent` and `tracestate`
 */
export function fromCarrier(carrier: unknown): TraceContext | undefined {
  const { traceparent, tracestate } = (carrier ?? {}) as { traceparent?: unknown; tracestate?: unknown };
  const match = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/.exec(
    typeof traceparent === 'string' ? traceparent.trim() : '',
  );
  if (match === null) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = match;
  const state = typeof tracestate === 'string' && STATE.test(tracestate) ? { state: tracestate } : {};
  return { traceId, spanId, flags: parseInt(flags, 16), ...state };
}

/** How Temporal names a run of a workflow: UUIDs. */
export interface RunIds {
  runId: string;
  /** Of the first run of the chain. */
  firstExecutionRunId: string;
}

/**
 * The span of a run of a workflow. Every worker computes the same ids, so that they are recorded nowhere: the span's from
 * the run's, and where no caller began a trace, the trace's from the first run's.
 *
 * @param caller the span that began the chain of runs, if any
 */
export function spanOfRun(
  { runId, firstExecutionRunId }: RunIds,
  caller: TraceContext | undefined,
): TraceContext | undefined {
  const [own, first] = [runId, firstExecutionRunId].map((id) => id.replaceAll('-', '').toLowerCase()) as [
    string,
    string,
  ];
  const span = { traceId: caller?.traceId ?? first, spanId: own.slice(16), flags: caller?.flags ?? 1 };
  const context = { ...span, ...(caller?.state === undefined ? {} : { state: caller.state }) };
  return fromCarrier(toCarrier(context)) === undefined ? undefined : context;
}

/** What the span of a run is a part of; undefined: it is the first of its trace. */
export function parentOfRun(ids: RunIds, caller: TraceContext | undefined): TraceContext | undefined {
  if (caller !== undefined) return caller;
  const { runId, firstExecutionRunId } = ids;
  return runId === firstExecutionRunId ? undefined : spanOfRun({ ...ids, runId: firstExecutionRunId }, undefined);
}
