import { describe, expect, test } from 'vitest';
import { AskedFiles } from '../../src/export-folder/asked-files.ts';
import type { Job } from '../../src/export-folder/job-record.ts';
import { JobRecord } from '../../src/export-folder/job-record.ts';
import { FILES } from '../../src/export-folder/layout.ts';
import { open, proxy, useFaultyEndpoint } from '../storage/s3/faulty-endpoint.ts';
import { hasS3 } from '../support/s3.ts';

const JOB: Job = { generation: 1, unanswered: 0, separateStatus: false, partial: false, warnings: [] };

/** The first write of a file is obeyed, and its answer gets lost: the SDK asks again, and the file is there. */
function loseAnswer(file: RegExp): void {
  let left = 1;
  proxy.answer = (seen) =>
    seen.startsWith('PUT') && file.test(seen) && left-- > 0 ? { status: 500, after: true } : undefined;
}

describe.skipIf(!hasS3)('what one attempt alone can create, and whose answer got lost', () => {
  useFaultyEndpoint();

  test('is its own intent to kick off, and no kick-off of somebody else', async () => {
    const folder = open('intent');
    loseAnswer(/kick-offs\/1\.1/);
    const job = { ...JOB };
    expect(await new JobRecord(folder).intend(job)).toBe(true);
    expect(job).toMatchObject({ unanswered: 1, intents: 1 });
    expect(await folder.list(FILES.intents)).toEqual(['1.1']);
    // That of another attempt is another one's.
    const later = { ...JOB };
    expect(await new JobRecord(open('intent')).intend(later)).toBe(true);
    expect(later).toMatchObject({ unanswered: 2, intents: 2 });
  });

  test('is its own request for a file that may be asked for once', async () => {
    loseAnswer(/asked\/1\.7\.1/);
    expect(await new AskedFiles(open('asked')).claim(1, 7, 1)).toEqual({ generation: 1, ordinal: 7, time: 1 });
    expect(await new AskedFiles(open('asked')).claim(1, 7, 1)).toBeUndefined();
  });
});
