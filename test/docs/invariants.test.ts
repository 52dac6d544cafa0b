import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { ARROW, citationReader, citationsOf, readProjectFile } from './citations.ts';

const ROOT = new URL('../../', import.meta.url);

describe('docs/invariants.md', async () => {
  const document = await readFile(new URL('docs/invariants.md', ROOT), 'utf8');
  const sections = document.split(/^## /m).slice(1);

  test('has twelve, in their order', () => {
    expect(sections.map((section) => section.split(/[ .]/)[0])).toEqual(
      Array.from({ length: 12 }, (_, n) => `${n + 1}`),
    );
  });

  test.each(sections.map((section) => [section.split('\n', 1)[0] as string, section]))(
    '%s: rule, why, where and tests, one of which is named after it',
    async (title, section) => {
      for (const word of ['**Rule.**', '**Why.**', '**Where.**', '**Tests.**']) expect(section).toContain(word);
      const [where = '', tests = ''] = section.slice(section.indexOf('**Where.**')).split('**Tests.**');
      const places = [...where.matchAll(/`(src\/[^`]+)`/g)].map(([, place]) => place as string);
      expect(places.length).toBeGreaterThan(0);
      expect(places.filter((place) => !existsSync(new URL(place, ROOT)))).toEqual([]);

      const citations = citationsOf(tests);
      const faultOf = citationReader(readProjectFile);
      const faults: string[] = [];
      for (const citation of citations) {
        const fault = await faultOf(citation);
        if (fault !== undefined) faults.push(`${citation}: ${fault}`);
      }
      expect(faults).toEqual([]);
      const name = `invariant ${title.split('.')[0]}: `;
      expect(citations.filter((citation) => citation.split(ARROW)[1]?.startsWith(name)).length).toBeGreaterThan(0);
    },
  );
});
