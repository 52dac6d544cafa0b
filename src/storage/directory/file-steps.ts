/** A step with one file, by absolute paths. */
export type Step =
  /** Writes a new file and makes its bytes durable; they are in the shared memory, from `at` on. */
  | { kind: 'write'; path: string; at: number; bytes: number }
  /** Gives a file another name, never over another file. */
  | { kind: 'move'; from: string; to: string }
  /** Its content; undefined when it does not exist. */
  | { kind: 'read'; path: string }
  /** Its bytes; undefined when it does not exist. */
  | { kind: 'size'; path: string };

export type StepResult = Uint8Array | number | undefined;

/** A step that is to be done. */
export interface StepOrder {
  id: number;
  step: Step;
}

/**
 * What the thread tells:
 *
 * - `ready`: it takes steps
 * - `slow`: one after another they take so long that libuv's pool, which takes several at once, is better
 */
export type ThreadMessage = 'ready' | 'slow' | readonly StepAnswer[];

/** It is done, or has failed with an error of the operating system. */
export interface StepAnswer {
  id: number;
  result?: StepResult;
  error?: { message: string; code: string | undefined; syscall: string | undefined };
}
