import type { IncomingMessage } from 'node:http';
import type { Context } from '../context.ts';
import type { ExportRequest } from '../export/export-request.ts';
import { compartmentTypes, hospitalTypes, supportingTypes } from '../generate/hospital.ts';
import type { Answer } from '../http/answer.ts';
import type { Match } from '../http/router.ts';

/** Refuses a request whose token has no scope for what it is about; kick-offs are looked at by {@link narrowed}. */
export function scopeProblem(
  request: IncomingMessage,
  match: Match,
  jobId: string | undefined,
  { settings, jobs }: Context,
): Answer | undefined {
  const job = jobId === undefined ? undefined : jobs.find(jobId);
  let types: readonly string[] = [];
  if (match.route === 'binary') types = ['Binary'];
  else if (match.read === 'group') types = ['Group'];
  // Bulk Data IG 2.0: status and file requests need the scopes of all exported resources, too.
  else if (match.route !== 'kickOff' && job !== undefined) types = typesOf(job.request);
  if (types.length === 0) return undefined;
  const found = settings.authorization?.permit?.(request, types, 'read') ?? types;
  return 'status' in found ? found : undefined;
}

/** An export without the types that the token has no scope for, or the refusal. */
export function narrowed(
  request: IncomingMessage,
  asked: ExportRequest,
  { settings }: Context,
): ExportRequest | Answer {
  const types = typesOf(asked);
  const purpose = asked.types === undefined ? 'all' : 'named';
  const allowed = settings.authorization?.permit?.(request, types, purpose) ?? types;
  if ('status' in allowed) return allowed;
  const missing = types.filter((type) => !allowed.includes(type));
  if (missing.length === 0) return asked;
  const text = `Left out for want of scope: ${missing.join(', ')}`;
  const messages = [...asked.messages, { severity: 'warning', code: 'suppressed', text } as const];
  return { ...asked, types: [...allowed], messages };
}

function typesOf({ level, types }: ExportRequest): readonly string[] {
  return types ?? (level === 'system' ? hospitalTypes : [...compartmentTypes, ...supportingTypes]);
}
