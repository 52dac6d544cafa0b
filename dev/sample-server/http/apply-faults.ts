import type { Manifest } from '../endpoints/manifest.ts';
import type { Answer } from './answer.ts';
import type { Fault } from '../faults.ts';

/** Applies the faults that change an answer before it is written. */
export function changed(answer: Answer, faults: Fault[]): Answer {
  const result: Answer = { ...answer, headers: { ...answer.headers } };
  for (const fault of faults) {
    if (fault.kind === 'wrongCount' && result.manifest !== undefined) addToCounts(result.manifest, fault.by);
    if (fault.kind === 'transformManifest' && result.manifest !== undefined) {
      const transformed = fault.transform(result.manifest);
      if (typeof transformed === 'string') {
        result.body = transformed;
        delete result.manifest;
      } else {
        result.manifest = transformed as Manifest;
      }
    }
    if (fault.kind === 'headers') setHeaders(result, fault.set);
  }
  if (result.manifest !== undefined) result.body = JSON.stringify(result.manifest);
  return result;
}

function addToCounts({ output = [], deleted = [], error = [], outcome = [] }: Manifest, by: number): void {
  for (const item of [...output, ...deleted, ...error, ...outcome]) item.count = (item.count ?? 0) + by;
}

function setHeaders(answer: Answer, set: Extract<Fault, { kind: 'headers' }>['set']): void {
  for (const [anyCase, value] of Object.entries(set)) {
    const name = anyCase.toLowerCase();
    if (value === null) delete answer.headers[name];
    else answer.headers[name] = typeof value === 'function' ? value(String(answer.headers[name] ?? '')) : value;
  }
}
