import { cancelCommand } from './cancel.ts';
import { checkCommand } from './check.ts';
import { codecServerCommand } from './codec-server.ts';
import { exportCommand } from './export.ts';
import { finishIncompleteCommand } from './finish-incomplete.ts';
import { giveUpCommand } from './give-up.ts';
import { listCommand } from './list.ts';
import { makeKeyCommand } from './make-key.ts';
import { pauseCommand } from './pause.ts';
import { pollNowCommand } from './poll-now.ts';
import { registerSearchAttributesCommand } from './register-search-attributes.ts';
import { removeOldCommand } from './remove-old.ts';
import { resumeCommand } from './resume.ts';
import { retryCommand } from './retry.ts';
import { scheduleCommand } from './schedule.ts';
import { serveCommand } from './serve.ts';
import { setConcurrencyCommand } from './set-concurrency.ts';
import { statusCommand } from './status.ts';
import { watchCommand } from './watch.ts';
import { workerCommand } from './worker.ts';

/** All subcommands, in the order of the help. What one needs is loaded when it is called. */
export const COMMANDS = [
  exportCommand(), //
  listCommand(),
  statusCommand(),
  watchCommand(),
  pauseCommand(),
  resumeCommand(),
  setConcurrencyCommand(),
  pollNowCommand(),
  retryCommand(),
  finishIncompleteCommand(),
  giveUpCommand(),
  cancelCommand(),
  scheduleCommand(),
  removeOldCommand(),
  serveCommand(),
  checkCommand(),
  makeKeyCommand(),
  registerSearchAttributesCommand(),
  codecServerCommand(),
  workerCommand(),
];
