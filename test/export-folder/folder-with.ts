import type { Folder } from '../../src/storage/folder.ts';

/** A folder some of whose methods do something else, as when another attempt works while this one is frozen. */
export function folderWith(folder: Folder, members: Partial<Folder>): Folder {
  return new Proxy(folder, {
    get: (_, key: keyof Folder) => {
      const member = members[key] ?? folder[key];
      return typeof member === 'function' ? (member as () => unknown).bind(folder) : member;
    },
  });
}
