import { describe, expect, test } from 'vitest';
import { get, idsOf, manifestOf, start } from '../server-under-test.ts';

describe('selection', () => {
  const since = '2022-01-01T00:00:00Z';

  test('_type, _since and _until', async () => {
    const server = await start();
    const all = await idsOf(await manifestOf(server, '$export?_type=Patient,Condition'));
    expect(Object.keys(all)).toEqual(['Patient', 'Condition']);
    const manifest = await manifestOf(server, `$export?_type=Patient,Condition&_since=${since}`);
    const later = await idsOf(manifest);
    const earlier = await idsOf(await manifestOf(server, `$export?_type=Patient,Condition&_until=${since}`));
    expect(later['Condition']?.length).toBeGreaterThan(0);
    expect([...(earlier['Condition'] ?? []), ...(later['Condition'] ?? [])].toSorted()).toEqual(
      all['Condition']?.toSorted(),
    );

    const deletions = (await get((await manifestOf(server, `$export?_since=${since}`)).deleted?.[0]?.url ?? '')).text;
    const bundle = JSON.parse(deletions.split('\n')[0] ?? '') as { type: string; entry: { request: object }[] };
    expect(bundle.type).toBe('transaction');
    expect(bundle.entry[0]?.request).toEqual({ method: 'DELETE', url: expect.stringMatching(/^[A-Z]\w+\/gone-\d+$/) });
  });

  test('groups and patients', async () => {
    const server = await start();
    const group = await idsOf(await manifestOf(server, 'Group/diabetes/$export'));
    expect(group['Patient']).toEqual(['pat-2', 'pat-6', 'pat-10', 'pat-14', 'pat-18']);
    expect(group['Organization']).toHaveLength(3);
    const parameters = [{ name: 'patient', valueReference: { reference: 'Patient/pat-6' } }];
    const one = await idsOf(await manifestOf(server, 'Group/diabetes/$export', { parameters }));
    expect(one['Patient']).toEqual(['pat-6']);
    expect(one['Encounter']?.every((id) => id.startsWith('enc-6-'))).toBe(true);
    expect((await manifestOf(server, 'Group/empty/$export?_type=Patient')).output).toEqual([]);
  });

  test('_typeFilter: alternatives within a type, other types unaffected', async () => {
    const server = await start();
    const filtered = async (...filters: string[]) => {
      const query = new URLSearchParams(filters.map((filter): [string, string] => ['_typeFilter', filter]));
      return idsOf(await manifestOf(server, `Patient/$export?_type=Observation,Patient&${query.toString()}`));
    };
    const laboratory = await filtered('Observation?category=laboratory');
    const vital = await filtered('Observation?category=vital-signs');
    const both = await filtered('Observation?category=laboratory', 'Observation?category=vital-signs');
    expect(both['Observation']?.length).toBe(
      (laboratory['Observation']?.length ?? 0) + (vital['Observation']?.length ?? 0),
    );
    expect(laboratory['Patient']).toHaveLength(20);
    const final = await filtered('Observation?category=laboratory&status=final,amended');
    expect(final['Observation']?.length).toBeLessThan(laboratory['Observation']?.length ?? 0);
  });

  test('_elements keeps what was asked, what is mandatory, and the digits', async () => {
    const server = await start();
    const manifest = await manifestOf(server, '$export?_type=Observation&_elements=Observation.value');
    const { text } = await get(manifest.output?.[0]?.url ?? '');
    const line = text.split('\n').find((candidate) => candidate.includes('"value":1.10,')) ?? '';
    expect(Object.keys(JSON.parse(line) as object)).toEqual([
      'resourceType',
      'id',
      'meta',
      'status',
      'code',
      'valueQuantity',
    ]);
    expect(line).toContain('SUBSETTED');
  });

  test('organizeOutputBy: blocks with headers, continued in the next file where they do not fit', async () => {
    const server = await start({ linesPerFile: 10 });
    const manifest = await manifestOf(server, 'Patient/$export?organizeOutputBy=Patient');
    expect(manifest['outputOrganizedBy']).toBe('Patient');
    const [first, second] = manifest.output ?? [];
    expect(first).not.toHaveProperty('type');
    expect(first?.['continuesInFile']).toBe(second?.url);
    const heads = await Promise.all([first, second].map(async (item) => (await get(item?.url ?? '')).text.split('\n')));
    expect(heads[0]?.[0]).toContain('"reference":"Patient/pat-1"');
    expect(JSON.parse(heads[0]?.[1] ?? '')).toMatchObject({ resourceType: 'Patient', id: 'pat-1' });
    expect(heads[1]?.[0]).toBe(heads[0]?.[0]);
  });

  test('changes appear in the next incremental export', async () => {
    const server = await start();
    const { transactionTime } = await manifestOf(server);
    expect((await manifestOf(server, `$export?_since=${transactionTime}`)).output).toEqual([]);
    server.change({ updated: 2, deleted: 1 });
    const manifest = await manifestOf(server, `$export?_since=${transactionTime}`);
    expect(await idsOf(manifest)).toEqual({ Patient: ['pat-1', 'pat-2'] });
    expect((await get(manifest.deleted?.[0]?.url ?? '')).text).toContain('"DELETE","url":"Patient/pat-20"');
  });
});
