import type { Command } from 'commander';
import { Option } from 'commander';
import { newCommand, newId, notEmpty, repeated } from './arguments.ts';
import { exitWith } from './exit-codes.ts';
import { addDataOptions, addHandlingOptions } from './export/request-options.ts';
import type { CreateOptions } from './schedule/create.ts';
import type { Temporal } from './temporal.ts';

interface JsonOption {
  json?: boolean;
}

/** What a subcommand has to say. */
interface Answer {
  /** With `--json`, each on a line. */
  values: readonly object[];
  lines: readonly string[];
}

/** `fhir-bulk-export schedule` */
export function scheduleCommand(): Command {
  const command = newCommand(
    'schedule',
    {
      summary: 'exports again and again, by a Temporal Schedule',
      description:
        'Starts exports again and again, by a Temporal Schedule. It needs a Temporal service that is configured.',
    },
    [
      [
        "schedule create nightly hospital-a --incremental --cron '0 2 * * *'",
        'each night what has changed since the last',
      ],
      ['schedule describe nightly', 'its next times, its last exports, and its mark'],
      ['schedule help create', 'all options of one of them'],
    ],
  );
  for (const one of [create(), list(), describe(), trigger(), pause(), unpause(), remove()]) command.addCommand(one);
  return command;
}

function create(): Command {
  const command = newCommand(
    'create',
    {
      summary: 'create a schedule, unless the same one exists',
      description:
        'Creates a schedule of exports that workers elsewhere run. If the same one exists, nothing is done; exit code 64 if another one has the id. Each export gets a folder of its own.',
    },
    [
      [
        "schedule create nightly hospital-a --group diabetes --incremental --cron '0 2 * * *' --time-zone Europe/Berlin",
        'each night what has changed since the last export',
      ],
      ['schedule create often hospital-a --type Patient --every 6h', 'all patients, four times a day'],
    ],
  )
    .argument('<id>', 'of the schedule; the workflow ids of its exports begin with it', newId)
    .argument('<server>', 'a server in the configuration of the workers')
    .optionsGroup('When:')
    .option(
      '--cron <fields>',
      "minute, hour, day, month and day of the week, such as '0 2 * * *'; may be repeated",
      repeated,
    )
    .option('--every <time>', 'such as 30m, 6h or 1d, counted from 1970-01-01T00:00Z')
    .option('--time-zone <name>', 'of --cron, such as Europe/Berlin; default: UTC');
  addDataOptions(command, 'only what changed after this instant; with --incremental, where the first export begins')
    .option('--incremental', 'each export brings what has changed since the last complete one')
    .addOption(
      new Option(
        '--on-issues <what>',
        'with --incremental: after an export with issues bring its time again (hold, the default), or go on',
      ).choices(['hold', 'advance']),
    )
    .addOption(
      new Option(
        '--new-members <what>',
        'with --incremental and --group: members whom the group gains are exported with all their data (full)',
      ).choices(['full']),
    )
    .optionsGroup('Where:')
    .option('--destination <name>', "a destination of the workers' configuration; default: the first one")
    .optionsGroup('How:');
  return addHandlingOptions(command)
    .option('--replace', 'give the schedule of that id this request and these times; its mark stays')
    .option('--json', 'one JSON object')
    .action(async (scheduleId: string, server: string, options: CreateOptions) => {
      const { createSchedule, describeCreated, readSchedule } = await import('./schedule/create.ts');
      // What is wrong with them is known before anything is connected.
      readSchedule(server, options);
      await answer(options, async (temporal) => {
        const created = await createSchedule(temporal, scheduleId, server, options);
        return { values: [created], lines: describeCreated(created) };
      });
    });
}

function list(): Command {
  return newCommand('list', { summary: 'list the schedules of exports' }, [['schedule list', 'all in the namespace']])
    .option('--json', 'one JSON object on each line')
    .action(async (options: JsonOption) => {
      const { scheduleRows } = await import('./schedule/rows.ts');
      const { describeScheduleRows } = await import('./schedule/show.ts');
      await answer(options, async (temporal) => {
        const rows = await scheduleRows(temporal);
        return { values: rows, lines: describeScheduleRows(rows) };
      });
    });
}

function describe(): Command {
  return ofOne('describe', 'show its request, next times, last exports and mark', async (scheduleId, options) => {
    const { scheduleDetails } = await import('./schedule/details.ts');
    const { describeSchedule } = await import('./schedule/show.ts');
    await answer(options, async (temporal) => {
      const details = await scheduleDetails(temporal, scheduleId);
      return { values: [details], lines: describeSchedule(details) };
    });
  });
}

function trigger(): Command {
  return ofOne('trigger', 'start an export now, unless one of the schedule is running', async (scheduleId, options) => {
    const { triggerSchedule } = await import('./schedule/trigger.ts');
    await answer(options, async (temporal) => {
      const workflowId = await triggerSchedule(temporal, scheduleId);
      return {
        values: [{ scheduleId, ...(workflowId === undefined ? {} : { workflowId }) }],
        lines: [
          workflowId === undefined
            ? `An export of ${scheduleId} begins soon: "fhir-bulk-export schedule describe ${scheduleId}" shows it.`
            : `Export ${workflowId} has begun. To follow it: fhir-bulk-export watch ${workflowId}`,
        ],
      };
    });
  });
}

function pause(): Command {
  return ofOne('pause', 'start no more exports; one that is running goes on', (id, options) =>
    setPaused(id, true, options),
  ).option('--reason <text>', 'is shown with the schedule');
}

function unpause(): Command {
  return ofOne('unpause', 'start exports again', (id, options) => setPaused(id, false, options)).option(
    '--reason <text>',
    'is shown with the schedule',
  );
}

async function setPaused(scheduleId: string, paused: boolean, options: JsonOption & { reason?: string }) {
  const { knownSchedule } = await import('./schedule/known.ts');
  await answer(options, async (temporal) => {
    const { state } = await knownSchedule(temporal, scheduleId);
    const handle = temporal.client.schedule.getHandle(scheduleId);
    const { reason = `${paused ? 'paused' : 'unpaused'} by fhir-bulk-export` } = options;
    // A reason takes the place of the note that is there.
    if (state.paused !== paused || options.reason !== undefined) {
      await (paused ? handle.pause(reason) : handle.unpause(reason));
    }
    return { values: [{ scheduleId, paused }], lines: [`${scheduleId} is ${paused ? 'paused' : 'not paused'}.`] };
  });
}

function remove(): Command {
  return ofOne('delete', 'delete it, with its mark; an export that is running goes on', async (scheduleId, options) => {
    const { scheduleDetails } = await import('./schedule/details.ts');
    const { describeDeleted } = await import('./schedule/show.ts');
    await answer(options, async (temporal) => {
      const details = await scheduleDetails(temporal, scheduleId);
      const { request, mark, markUnknown, changedSince } = details;
      await temporal.client.schedule.getHandle(scheduleId).delete();
      // Fields that are undefined are not printed.
      const value = { scheduleId, deleted: true, request, mark, markUnknown, changedSince };
      return { values: [value], lines: describeDeleted(details) };
    });
  });
}

function ofOne(
  name: string,
  summary: string,
  action: (scheduleId: string, options: JsonOption) => Promise<void>,
): Command {
  return newCommand(name, { summary }, [
    [`schedule ${name} nightly`, 'one that "fhir-bulk-export schedule list" shows'],
  ])
    .argument('<id>', 'of the schedule', notEmpty)
    .option('--json', 'one JSON object')
    .action(action);
}

/** Does something with the schedules of the configured service, and prints the answer. */
async function answer({ json }: JsonOption, work: (temporal: Temporal) => Promise<Answer>): Promise<void> {
  const { openSchedules } = await import('./schedule/known.ts');
  const temporal = await openSchedules();
  try {
    const { values, lines } = await work(temporal);
    const printed = json === true ? values.map((value) => JSON.stringify(value)) : lines;
    process.stdout.write(printed.map((line) => `${line}\n`).join(''));
  } finally {
    await temporal.close();
  }
  exitWith(0);
}
