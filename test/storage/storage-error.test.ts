import { describe, expect, test } from 'vitest';
import { ExportError } from '../../src/errors.ts';
import { toStorageError } from '../../src/storage/storage-error.ts';

describe('an error of the file system', () => {
  test.each(['ENOSPC', 'EDQUOT', 'EFBIG', 'EACCES', 'EPERM', 'EROFS'])('%s needs a person', async (code) => {
    const error = await toStorageError(Object.assign(new Error('no'), { code }), '/exports');
    expect(error).toBeInstanceOf(ExportError);
    expect(error).toMatchObject({ code: 'DestinationFailed', message: expect.stringContaining(code) });
  });

  test.each(['EIO', 'EBUSY', 'ESTALE'])('%s may pass', async (code) => {
    const error = Object.assign(new Error('no'), { code });
    expect(await toStorageError(error, '/exports')).toBe(error);
  });
});
