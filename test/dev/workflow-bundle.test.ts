import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { BUNDLE, TRACED } from '../support/stack.ts';

test('the source map of the workflow bundle has positions and no sources: workers keep it in memory', async () => {
  const [, encoded = ''] = (await readFile(BUNDLE, 'utf8')).split(
    '//# sourceMappingURL=data:application/json;charset=utf-8;base64,',
  );
  const map = JSON.parse(Buffer.from(encoded, 'base64').toString()) as { mappings: string; sourcesContent?: unknown };
  expect(map.mappings.length).toBeGreaterThan(10_000);
  expect(map.sourcesContent).toBeUndefined();
});

test('only the bundle of workers that export traces has what passes them on', async () => {
  expect(await readFile(BUNDLE, 'utf8')).not.toContain('_tracer-data');
  expect(await readFile(TRACED, 'utf8')).toContain('_tracer-data');
});
