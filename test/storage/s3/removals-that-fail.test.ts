import { describe, expect, test } from 'vitest';
import { ExportError } from '../../../src/errors.ts';
import { isOutage } from '../../../src/storage/storage-error.ts';
import { hasS3 } from '../../support/s3.ts';
import { open, proxy, s3, useFaultyEndpoint } from './faulty-endpoint.ts';

describe.skipIf(!hasS3)('an S3 endpoint', () => {
  useFaultyEndpoint();

  test.each([
    ['SlowDown', 'passes', isOutage],
    ['AccessDenied', 'does not', (error: unknown) => error instanceof ExportError],
  ])('that removes some of many objects only, for %s, which %s', async (code, _, isSo) => {
    const folder = open(`removal-${code}`);
    await folder.write('parts/a', 'x');
    const body = `<DeleteResult><Error><Key>a</Key><Code>${code}</Code><Message>no</Message></Error></DeleteResult>`;
    proxy.answer = (seen) => (/^POST .*\bdelete\b/.test(seen) ? { status: 200, body } : undefined);
    const error: unknown = await folder.remove('parts').catch((thrown: unknown) => thrown);
    expect([(error as Error).message, isSo(error)]).toEqual([expect.stringContaining(code), true]);
  });

  test.each([
    ['once', 1, true],
    ['each time', 9, false],
  ])('that fails to remove one of many objects by its own fault %s', async (_, times, isRemoved) => {
    const folder = open(`own-fault-${times}`);
    for (const name of ['parts/a', 'parts/b']) await folder.write(name, 'x');
    let asked = 0;
    const error = `<Error><Key>own-fault-${times}/parts/a</Key><Code>InternalError</Code><Message>no</Message></Error>`;
    proxy.answer = (seen) => {
      if (!/^POST .*\bdelete\b/.test(seen) || ++asked > times) return undefined;
      return { status: 200, body: `<DeleteResult>${error}</DeleteResult>` };
    };
    const thrown: unknown = await folder.removeFiles(['parts/a', 'parts/b']).catch((fault: unknown) => fault);
    expect(thrown === undefined || isOutage(thrown)).toBe(true);
    expect(thrown === undefined).toBe(isRemoved);
    expect(asked).toBe(isRemoved ? 2 : 3);
    // The second request names only what the first answer did; of parts/b it said nothing, so it was removed.
    if (isRemoved) expect(await s3.keys(`own-fault-${times}/`)).toEqual([`own-fault-${times}/parts/b`]);
  });

  test('that names another object than those that were to go is not believed that they are gone', async () => {
    const folder = open('other-key');
    await folder.write('parts/a', 'x');
    let asked = 0;
    const error = '<Error><Key>b</Key><Code>InternalError</Code><Message>no</Message></Error>';
    proxy.answer = (seen) => {
      if (!/^POST .*\bdelete\b/.test(seen)) return undefined;
      asked++;
      return { status: 200, body: `<DeleteResult>${error}</DeleteResult>` };
    };
    await expect(folder.removeFiles(['parts/a'])).rejects.toThrow('1 objects could not be removed (InternalError)');
    expect(asked).toBe(1);
  });
});
