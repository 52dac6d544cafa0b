import { TASK_QUEUE, filesTaskQueue } from '../contract.ts';

/** Variable that names the task queue, so that several deployments can share a namespace. */
const VARIABLE = 'BULK_EXPORT_TASK_QUEUE';
/** Characters; a server's queue adds its name, and Temporal takes 1,000 bytes. */
const LONGEST = 200;

/**
 * Task queue of this deployment, from which the queues of its servers derive. Workers, and whoever starts exports for
 * them, must agree on it: an export on a queue that nobody serves only waits.
 *
 * @returns `BULK_EXPORT_TASK_QUEUE`, else the default
 * @throws Error when the variable holds no usable name
 */
export function taskQueueOf(env: NodeJS.ProcessEnv): string {
  return namedTaskQueue(env) ?? TASK_QUEUE;
}

/**
 * The queue that the environment names.
 *
 * @returns undefined when it names none
 * @throws Error as {@link taskQueueOf}
 */
export function namedTaskQueue(env: NodeJS.ProcessEnv): string | undefined {
  const name = env[VARIABLE];
  if (name === undefined || name === '') return undefined;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) || name.length > LONGEST) {
    throw new Error(
      `${VARIABLE}: task queues have letters, digits, "-", "_" and ".", at most ${LONGEST}, a letter or digit first; this is ${JSON.stringify(name.slice(0, LONGEST))}`,
    );
  }
  if (name.includes(filesTaskQueue('', ''))) {
    throw new Error(`${VARIABLE}: ${name} could be the queue of a server's files; use a name without ".files."`);
  }
  return name;
}
