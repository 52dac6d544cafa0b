import { removeQueries } from '../fhir/quote.ts';
import type { Folder } from '../storage/folder.ts';
import { FILES } from './layout.ts';

/** Takes the queries out of every stored URL of the manifest, because they may be signatures that are still valid. */
export async function redactManifest(folder: Folder): Promise<void> {
  for (const where of [FILES.pages, FILES.reading, FILES.entries]) {
    for (const name of await folder.list(where)) {
      const file = `${where}/${name}`;
      const before = (await folder.read(file))?.toString('utf8') ?? '';
      const after = removeQueries(before);
      if (after !== before) await folder.write(file, after);
    }
  }
}
