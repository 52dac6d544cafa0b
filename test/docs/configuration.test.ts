import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config.ts';
import { projectRoot } from '../../src/programs/project.ts';

/** By a field that no configuration has. */
const OF_OTHER_PROGRAMS = ['scrape_configs', 'kind', 'image'];
/** What a page leaves out. */
const MISSING = {
  servers: { a: { baseUrl: 'https://fhir.example.org/r4' } },
  destinations: { local: { type: 'directory', path: './exports' } },
};

const names = (await readdir(join(projectRoot, 'docs'))).filter((name) => name.endsWith('.md'));
const pages = await Promise.all(
  names.map(async (name) => ({ name, text: await readFile(join(projectRoot, 'docs', name), 'utf8') })),
);
const blocks = pages.flatMap(({ name, text }) =>
  [...text.matchAll(/^ *```yaml\n([^]*?)```/gm)].map(([, block = '']) => ({ name, block })),
);
const isOurs = ({ block }: { block: string }): boolean =>
  !OF_OTHER_PROGRAMS.some((field) => Object.hasOwn(parse(block) as object, field));

test.each(blocks.filter(isOurs))('$name shows a configuration that is one', ({ block }) => {
  const shown = parse(block) as object;
  // Some are a part of a server's entry.
  const isPart = Object.hasOwn(shown, 'headers');
  const whole = isPart ? { ...MISSING, servers: { a: { ...MISSING.servers.a, ...shown } } } : { ...MISSING, ...shown };
  expect(parseConfig(stringify(whole), '/etc/fhir-bulk-export.yaml')).toMatchObject({ servers: expect.any(Object) });
});

test('what is shown for the Helm chart has a configuration', () => {
  const { config } = parse(blocks.find(({ block }) => block.startsWith('image:'))?.block ?? '') as { config: object };
  expect(Object.keys(parseConfig(stringify(config), '/etc/fhir-bulk-export.yaml').servers)).toEqual(['hospital-a']);
});
