import { isUtf8 } from 'node:buffer';
import { expect } from 'vitest';
import { LineChecker } from '../../src/fhir/ndjson.ts';
import type { LineCounts, LineRules } from '../../src/fhir/ndjson.ts';

export const PATIENT = '{"resourceType":"Patient","id":"ü€😀"}';

export const encoder = new TextEncoder();

export function bytesOf(...parts: (string | number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...(typeof part === 'string' ? encoder.encode(part) : part)]));
}

export function checkerOf(type: string | null, checks: LineRules['checks'] = 'fast'): LineChecker {
  return new LineChecker(
    { type: type ?? undefined, checks },
    { isUtf8, indexOf: (bytes, pattern, from) => Buffer.from(bytes).indexOf(pattern, from) },
  );
}

/** @param type null for any */
export function check(
  pieces: readonly Uint8Array[],
  type: string | null,
  checks?: LineRules['checks'],
): string | LineCounts {
  const checker = checkerOf(type, checks);
  for (const piece of pieces) checker.push(piece);
  return verdictOf(checker);
}

/** Ends a file: what is wrong with it, or its counts. */
export function verdictOf(checker: LineChecker): string | LineCounts {
  const outcome = checker.end();
  return outcome.kind === 'wrong' ? outcome.detail : outcome.counts;
}

/** The verdict on a file that comes in one chunk, and byte by byte. */
export function verdict(
  content: string | Uint8Array,
  type: string | null = 'Patient',
  checks?: LineRules['checks'],
): string | LineCounts {
  const bytes = typeof content === 'string' ? encoder.encode(content) : content;
  const found = check([bytes], type, checks);
  const single = Array.from(bytes, (_, index) => bytes.slice(index, index + 1));
  expect(check(single, type, checks)).toEqual(found);
  return found;
}
