import type { IncomingMessage } from 'node:http';
import type { Context } from '../context.ts';
import type { ExportRequest } from '../export/export-request.ts';
import { compartmentTypes, hospitalTypes, supportingTypes } from '../generate/hospital.ts';
import { granted, type Answer, type Checked } from '../http/answer.ts';
import type { Match } from '../router.ts';

/** Refuses a request whose token has no scope for what it reads; for kick-offs see {@link narrowed}. */
export function scopeRefusal(
  request: IncomingMessage,
  match: Match,
  jobId: string | undefined,
  { settings, jobs }: Context,
): Answer | undefined {
  const job = jobId === undefined ? undefined : jobs.find(jobId);
  let types: readonly string[] = [];
  if (match.route === 'binary') types = ['Binary'];
  else if (match.route === 'other' && match.group !== undefined) types = ['Group'];
  // Bulk Data IG 2.0: status and file requests need the scopes of all exported resources, too.
  else if (match.route !== 'kickOff' && job !== undefined) types = typesOf(job.request);
  if (types.length === 0) return undefined;
  const checked = settings.authorization?.permit?.(request, types, 'read');
  return checked?.kind === 'refused' ? checked.answer : undefined;
}

/** The export without the types for which the token has no scope, or the refusal. */
export function narrowed(
  request: IncomingMessage,
  asked: ExportRequest,
  { settings }: Context,
): Checked<ExportRequest> {
  const types = typesOf(asked);
  const purpose = asked.types === undefined ? 'all' : 'named';
  const checked = settings.authorization?.permit?.(request, types, purpose) ?? granted(types);
  if (checked.kind === 'refused') return checked;
  const allowed = checked.value;
  const missing = types.filter((type) => !allowed.includes(type));
  if (missing.length === 0) return granted(asked);
  const text = `Left out for want of scope: ${missing.join(', ')}`;
  const messages = [...asked.messages, { severity: 'warning', code: 'suppressed', text } as const];
  return granted({ ...asked, types: [...allowed], messages });
}

function typesOf({ level, types }: ExportRequest): readonly string[] {
  return types ?? (level === 'system' ? hospitalTypes : [...compartmentTypes, ...supportingTypes]);
}
