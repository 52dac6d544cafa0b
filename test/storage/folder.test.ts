import { describe, expect, test } from 'vitest';
import { content, data, describeEachKind, finished, folder, hashOf, hashOfData, kind, path } from './each-kind.ts';

const MIB = 1024 * 1024;

/** Names directly in a folder, without the project's own. */
async function list(inside: string): Promise<string[]> {
  return (await folder.list(inside)).filter((file) => file !== '.export').sort();
}

describeEachKind('is an export folder', (name) => {
  describe('documents', () => {
    test('are written over one another, and read', async () => {
      expect(await folder.read('a.json')).toBeUndefined();
      expect(await folder.size('a.json')).toBeUndefined();
      await folder.write('a.json', 'first, and longer');
      await folder.write('a.json', 'ünd');
      expect(await content('a.json')).toBe('ünd');
      expect(await folder.size('a.json')).toBe(4);
      expect(await kind.everything(path)).toEqual(['a.json']);
    });

    test('may be empty', async () => {
      await folder.write('empty', '');
      expect(await content('empty')).toBe('');
      expect(await folder.size('empty')).toBe(0);
    });

    test('are created once, also when many try at the same time', async () => {
      const folders = await Promise.all(Array.from({ length: 20 }, () => kind.open(path)));
      const created = await Promise.all(folders.map((one, number) => one.create('mark', String(number))));
      expect(created.filter(Boolean)).toHaveLength(1);
      expect(await content('mark')).toBe(String(created.indexOf(true)));
      expect(await folder.create('mark', 'late')).toBe(false);
      expect(await content('mark')).toBe(String(created.indexOf(true)));
    });

    test('have names with odd characters', async () => {
      const names = ['a b+c', '%41.txt', 'ü/é~(1).json', `it's & <"so">`, '#?=;:@,', '日本', '...'];
      for (const file of names) {
        await folder.write(`odd/${file}`, file);
        expect(await content(`odd/${file}`)).toBe(file);
      }
      const first = names.map((file) => file.split('/')[0]);
      expect(new Set(await list('odd'))).toEqual(new Set(first));
      await folder.remove('odd/a b+c');
      expect(await folder.list('odd')).not.toContain('a b+c');
      await folder.remove('odd');
      expect(await kind.everything(path)).toEqual([]);
    });

    test('are listed by folder', async () => {
      expect(await folder.list('')).toEqual([]);
      expect(await folder.list('nothing')).toEqual([]);
      for (const file of ['x', 'a/1', 'a/2', 'a/b/3', 'ab']) await folder.write(file, file);
      expect(await list('')).toEqual(['a', 'ab', 'x']);
      expect(await list('a')).toEqual(['1', '2', 'b']);
    });

    test('have a time, which is that of the last one for a folder', async () => {
      const around = [Date.now() - 10_000, Date.now() + 600_000] as const;
      expect(await folder.lastChangeIn('')).toBeUndefined();
      expect(await folder.lastChange('a')).toBeUndefined();
      for (const file of ['a/1', 'a/b/2', 'x']) await folder.write(file, file);
      const times: number[] = [];
      for (const file of ['a/1', 'a/b/2', 'x']) times.push((await folder.lastChange(file)) ?? NaN);
      for (const inside of ['a', '']) times.push((await folder.lastChangeIn(inside)) ?? NaN);
      for (const time of times) expect(time).toSatisfy((one: number) => one > around[0] && one < around[1]);
      const [first = 0, second = 0, third = 0, inside, all] = times;
      expect(inside).toBe(Math.max(first, second));
      expect(all).toBe(Math.max(first, second, third));
      expect(await folder.lastChange('a')).toBeUndefined();
      expect(await folder.lastChangeIn('a', 'a/b/2')).toBe(first);
      expect(await folder.lastChange('nothing')).toBeUndefined();
      expect(await folder.lastChangeIn('nothing')).toBeUndefined();
    });

    test('are removed one by one or with their folder, and nothing beside them', async () => {
      for (const file of ['x', 'a/1', 'a/b/3', 'ab', 'a.json']) await folder.write(file, file);
      await folder.remove('x');
      await folder.remove('not there');
      expect(await list('')).toEqual(['a', 'a.json', 'ab']);
      await folder.remove('a');
      expect(await list('')).toEqual(['a.json', 'ab']);
      await folder.remove('');
      await kind.open(path);
      expect(await kind.everything(path)).toEqual([]);
    });

    test('are more than a page of a listing has', async () => {
      const names = Array.from({ length: 1101 }, (_, number) => `many/${number}`);
      while (names.length > 0) await Promise.all(names.splice(0, 50).map((file) => folder.write(file, '')));
      expect(new Set(await folder.list('many')).size).toBe(1101);
      await folder.remove('many');
      expect(await folder.list('many')).toEqual([]);
    });
  });

  test('streams a large file, also to a reader that does not want all of it', async () => {
    const part = await finished(await kind.open(path), data.length, '1', 'large');
    await part.publish('large');
    await part.discard();
    let read = 0;
    for await (const chunk of folder.stream('large')) {
      read += chunk.length;
      if (read > MIB) break;
    }
    expect(read).toBeLessThan(3 * MIB);
    expect(await hashOf(folder.stream('large'))).toBe(hashOfData(data.length));
  });

  test('a stream of nothing fails', async () => {
    await expect(hashOf(folder.stream('nothing'))).rejects.toThrow();
  });

  test('says where it is', () => {
    expect(folder.location).toMatch(name === 's3' ? `s3://lake/raw/${path}` : new RegExp(`/${path}$`));
  });
});
