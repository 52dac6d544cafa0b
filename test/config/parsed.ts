import { expect } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';

export const FILE = '/etc/export/fhir-bulk-export.yaml';

export function yaml(server: string, destination = 'type: directory, path: ./exports'): string {
  return `servers:\n  hospital-a: { baseUrl: https://a.example/r4, ${server} }\ndestinations:\n  local: { ${destination} }\n`;
}

export function parse(server: string, destination?: string): Config {
  return parseConfig(yaml(server, destination), FILE);
}

/** The faults of a text, without the line that introduces them. */
export function faults(text: string): string[] {
  try {
    parseConfig(text, FILE);
    return [];
  } catch (error) {
    const [title, ...lines] = (error as Error).message.split('\n');
    const number = lines.length === 1 ? 'a fault' : `${lines.length} faults`;
    expect(title).toBe(`${FILE} has ${number}:`);
    return lines.map((line) => line.replace(/^ {2}/, ''));
  }
}
