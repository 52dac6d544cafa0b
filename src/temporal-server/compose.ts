import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

import { projectRoot } from '../programs/project.ts';

/** The three ports of a development server. */
export interface ServerPorts {
  grpc: number;
  http: number;
  ui: number;
}

/** The settings of the development server in the Compose file, without those for a container only. */
export interface ComposeSettings {
  ports: ServerPorts;
  /** Custom search attributes: name to type, such as `Keyword`. */
  searchAttributes: Record<string, string>;
  /** All other arguments, unchanged, such as `--dynamic-config-value=…`. */
  otherArguments: string[];
}

/** The Compose file that `npm run temporal` shares with `docker compose`. */
export const composeFile = join(projectRoot, 'temporal-dev.yml');

const containerOnly = new Set(['ip', 'db-filename']);

/** Reads the server's settings from the Compose file. Throws for an unreadable argument, and when a port is missing. */
export async function readCompose(file = composeFile): Promise<ComposeSettings> {
  const compose = parse(await readFile(file, 'utf8')) as { services?: { temporal?: { command?: unknown } } };
  const command = compose.services?.temporal?.command;
  if (!Array.isArray(command) || command[0] !== 'server' || command[1] !== 'start-dev') {
    throw new Error(`${file}: services.temporal.command is not a list that begins with "server", "start-dev"`);
  }

  const values = new Map<string, string>();
  const searchAttributes: Record<string, string> = {};
  const otherArguments: string[] = [];
  for (const argument of command.slice(2).map(String)) {
    const [, name, value] = /^--([a-z-]+)(?:=(.*))?$/.exec(argument) ?? [];
    if (name === undefined) throw new Error(`${file}: cannot read ${JSON.stringify(argument)}; write --name=value`);
    if (name === 'search-attribute') {
      const [attribute = '', type = ''] = (value ?? '').split('=');
      searchAttributes[attribute] = type;
    } else if (name === 'port' || name === 'http-port' || name === 'ui-port') values.set(name, value ?? '');
    else if (!containerOnly.has(name)) otherArguments.push(argument);
  }

  const port = (name: string): number => {
    const number = Number(values.get(name));
    if (!Number.isInteger(number) || number < 1) throw new Error(`${file}: no --${name}=… with a port number`);
    return number;
  };
  return {
    ports: { grpc: port('port'), http: port('http-port'), ui: port('ui-port') },
    searchAttributes,
    otherArguments,
  };
}

/** How a server without a container differs from the Compose file. */
export interface LocalServer {
  ports: ServerPorts;
  /** File that keeps the state. Default: in memory. */
  dbFilename?: string;
  /** Without the Web UI. Default: with it. */
  headless?: boolean;
}

/** Arguments for the Temporal CLI to run the same server here, on loopback only. */
export function serverArguments(settings: ComposeSettings, local: LocalServer): string[] {
  const { ports, dbFilename, headless = false } = local;
  return [
    'server',
    'start-dev',
    '--ip=127.0.0.1',
    `--port=${ports.grpc}`,
    `--http-port=${ports.http}`,
    headless ? '--headless' : `--ui-port=${ports.ui}`,
    ...(dbFilename === undefined ? [] : [`--db-filename=${dbFilename}`]),
    ...Object.entries(settings.searchAttributes).map(([name, type]) => `--search-attribute=${name}=${type}`),
    ...settings.otherArguments,
  ];
}
