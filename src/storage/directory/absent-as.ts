/** The result of an action on a file, or another value when the file does not exist. */
export async function absentAs<T, A>(absent: A, result: Promise<T>): Promise<T | A> {
  try {
    return await result;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return absent;
    throw error;
  }
}
