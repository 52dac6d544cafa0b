/** A thread has ended, with files that it was fetching. The files' durable bytes are resumed by the next attempt. */
export class ThreadEndedError extends Error {
  override readonly name = 'ThreadEndedError';
  /** False: the thread could not even be started, so the file has nothing to do with it. */
  readonly wasReady: boolean;
  /** The thread was made for this file, so the file must be why it ended. */
  readonly wasAlone: boolean;

  constructor(why: string, { wasReady, wasAlone }: { wasReady: boolean; wasAlone: boolean }, options?: ErrorOptions) {
    super(`the thread that fetched it ended (${why})`, options);
    this.wasReady = wasReady;
    this.wasAlone = wasAlone;
  }
}

/** A file that needs a thread of its own cannot have one now. */
export class NoThreadError extends Error {
  override readonly name = 'NoThreadError';

  constructor() {
    super('it needs a thread of its own, and none can be started now');
  }
}
