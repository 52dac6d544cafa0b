import { FileThread } from './file-thread.ts';

const threads = new Map<number, FileThread>();

/**
 * The thread for small files of a file system: on one that hangs (a network mount whose server is away) the thread hangs
 * with it, and only the files that are there wait. Those wait as long as it hangs, because nobody can take a step back
 * that may still be taken; handed to libuv's pool instead, they would fill it, and hold up the whole process.
 *
 * @param device number of the file system (stat(2), `st_dev`)
 */
export function fileThreadOf(device: number): FileThread {
  let thread = threads.get(device);
  if (thread === undefined) threads.set(device, (thread = new FileThread()));
  return thread;
}
