import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Evidence } from './evidence.ts';

/** Every file byte for byte as the server made it, `manifest.json` complete, and nothing else left. */
export async function checkFiles({ run, files, manifest, published }: Evidence): Promise<string[]> {
  const problems: string[] = [];
  const items = [...manifest.output, ...manifest.deleted, ...manifest.error];
  for (const { made, name } of files) {
    const [stored, sent] = await Promise.all([run.destination.place.read(run.path, name), readFile(made.path)]);
    if (!stored.equals(sent)) problems.push(`${name} differs from what the server made`);
    const item = items.find(({ url }) => url === name);
    const sha256 = createHash('sha256').update(stored).digest('hex');
    if (item?.fileSize !== stored.length || item.count !== made.lines || item.extension.sha256 !== sha256)
      problems.push(`manifest.json does not describe ${name} as it is`);
  }
  const ours = ['manifest.json', 'log.ndjson', 'deletions.ndjson', 'error/summary.json'];
  const listed = new Set([...items.map(({ url }) => url), ...ours]);
  for (const name of published.keys()) {
    const isLeft = /^\.export\/(parts\/|troubles\/|unfinished-)/.test(name);
    if (isLeft || (!name.startsWith('.export/') && !listed.has(name))) problems.push(`${name} is left over`);
  }
  return problems;
}
