import { describe, expect, test } from 'vitest';
import { Closings } from '../../src/process/closings.ts';

function closings(...failing: readonly string[]): { atEnd: Closings; closed: string[] } {
  const atEnd = new Closings();
  const closed: string[] = [];
  for (const name of ['first', 'second', 'third'])
    atEnd.add(async () => {
      closed.push(name);
      await Promise.resolve();
      if (failing.includes(name)) throw new Error(`${name} cannot be closed`);
    });
  return { atEnd, closed };
}

const LAST_FIRST = ['third', 'second', 'first'];
const fails = () => Promise.reject(new Error('the work failed'));

describe('after work', () => {
  test('all are closed, the last first', async () => {
    const { atEnd, closed } = closings();
    expect(await atEnd.after(() => Promise.resolve(closed.length))).toBe(0);
    expect(closed).toEqual(LAST_FIRST);
  });

  test('all are closed when some cannot be, and the first error comes out', async () => {
    const { atEnd, closed } = closings('third', 'first');
    await expect(atEnd.after(() => Promise.resolve())).rejects.toThrow('third cannot be closed');
    expect(closed).toEqual(LAST_FIRST);
  });

  test('why the work failed comes out, whatever cannot be closed', async () => {
    const { atEnd, closed } = closings('third', 'second', 'first');
    await expect(atEnd.after(fails)).rejects.toThrow('the work failed');
    expect(closed).toEqual(LAST_FIRST);
  });
});

test('work that may go on closes nothing unless it fails', async () => {
  const { atEnd, closed } = closings();
  expect(await atEnd.orClose(() => Promise.resolve(1))).toBe(1);
  expect(closed).toEqual([]);
  await expect(atEnd.orClose(fails)).rejects.toThrow('the work failed');
  expect(closed).toEqual(LAST_FIRST);
});
