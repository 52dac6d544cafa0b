import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { NativeConnection } from '@temporalio/worker';

const require = createRequire(import.meta.url);

/**
 * Refuses a connection of another copy of Temporal's SDK, which happens when an application has a version of its own:
 * each copy has native code of its own, and using the connection of another one could crash the process.
 *
 * @throws TypeError that names both copies, and what to do
 */
export function requireSameSdk(connection: unknown): void {
  if (connection instanceof NativeConnection) return;
  const ours = copyOf(require.resolve('@temporalio/worker/lib/connection.js'));
  const theirs = copiesLoaded().find(([, exports]) => isInstance(connection, exports.NativeConnection))?.[0];
  const found = theirs === undefined ? 'of an unknown class' : `of ${describe(copyOf(theirs))}`;
  throw new TypeError(
    `The connection is ${found}, but these workers need a NativeConnection of ${describe(ours)}. Depend on exactly ` +
      `@temporalio/worker ${ours.version}, so that one copy is installed ("npm ls @temporalio/worker" lists all), and ` +
      `connect with that.`,
  );
}

/** The files of the SDK in which this process has found the class, with what they export. */
function copiesLoaded(): [string, { NativeConnection?: unknown }][] {
  return Object.entries(require.cache)
    .filter(([file]) => file.endsWith('/lib/connection.js'))
    .map(([file, module]) => [file, (module?.exports ?? {}) as { NativeConnection?: unknown }]);
}

function isInstance(object: unknown, constructor: unknown): boolean {
  return typeof constructor === 'function' && object instanceof constructor;
}

interface Copy {
  version: string;
  folder: string;
}

/** @param file `lib/connection.js` of the copy */
function copyOf(file: string): Copy {
  const folder = dirname(dirname(file));
  const { version } = require(`${folder}/package.json`) as { version: string };
  return { version, folder };
}

function describe({ version, folder }: Copy): string {
  return `@temporalio/worker ${version} in ${folder}`;
}
