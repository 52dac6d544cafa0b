/** A file system that takes no byte and reports no error (POSIX allows it): asked again, it might do so for ever. */
export function nothingWritten(): Error {
  return Object.assign(new Error('the file system takes no byte, and reports no error'), {
    code: 'EIO',
    syscall: 'write',
  });
}
