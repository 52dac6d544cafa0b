import { describe, expect, test } from 'vitest';
import { MAX_REQUEST_BYTES } from '../../src/contract.ts';
import { LEAST, problems, problemsWith } from './request-problems.ts';

function problemsOf(parameters: object): string[] {
  return problemsWith({ parameters });
}

describe('several problems', () => {
  test('are all named at once', () => {
    const request = {
      level: 'all',
      parameters: { type: 'x', _type: 'A,B', _since: 'yesterday' },
      destination: { path: '../x', url: 'y' },
      tocken: 'x',
      keep: true,
    };
    expect(problems(request).map((problem) => problem.split(':')[0])).toEqual([
      'server',
      'level',
      'destination.path',
      'tocken',
      'keep',
      'destination.url',
      'parameters.type',
      'parameters._type',
      'parameters._type',
      'parameters._since',
    ]);
  });

  test('stay short, however many and long they are', () => {
    const types = Array.from({ length: 4000 }, (_, number) => `T${number}`).join(',');
    const many = problemsOf({ _type: types });
    expect(many).toHaveLength(21);
    expect(many.at(-1)).toBe('and 3980 more');
    for (const long of [
      { _type: 'X'.repeat(30_000) },
      { ['x'.repeat(30_000)]: '1' },
      { _typeFilter: `${'X'.repeat(30_000)}?a=1` },
    ]) {
      const found = problemsOf(long);
      expect(found).toHaveLength(1);
      expect(found[0]?.length).toBeLessThan(400);
      expect(found[0]).toMatch(/is not a FHIR resource type|unknown parameter|which is no FHIR resource type/);
    }
    expect(problemsWith({ ['x'.repeat(30_000)]: 1 })[0]).toMatch(/^x{99}…: unknown field, remove it$/);
  });
});

describe('the size of a request', () => {
  const sized = (bytes: number): object => {
    const empty = { ...LEAST, parameters: { _custom: '' } };
    return { ...LEAST, parameters: { _custom: 'x'.repeat(bytes - JSON.stringify(empty).length) } };
  };

  test('may be 32 KiB and no more', () => {
    expect(problems(sized(MAX_REQUEST_BYTES))).toEqual([]);
    expect(problems(sized(MAX_REQUEST_BYTES + 1))).toEqual([
      'request: has 32769 bytes, at most 32768 are allowed; use a Group instead of long lists',
    ]);
  });

  test('is counted in bytes, not in characters', () => {
    expect(problems({ ...LEAST, parameters: { _custom: '€'.repeat(11_000) } })[0]).toMatch(
      /^request: has 33\d\d\d bytes/,
    );
  });
});
