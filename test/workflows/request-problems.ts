import { validateRequest } from '../../src/policy/request/validate-request.ts';

export const LEAST = { server: 'hospital-a', level: 'patient' };

export function problems(input: unknown): string[] {
  const validation = validateRequest(input);
  return validation.kind === 'invalid' ? validation.problems : [];
}

/** Problems of a request that is right but for these fields. */
export function problemsWith(fields: object): string[] {
  return problems({ ...LEAST, ...fields });
}
