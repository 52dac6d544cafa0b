import type { FileCase } from '../case.ts';
import { ATTACHMENT, hashOf } from '../content.ts';
import type { Evidence } from './evidence.ts';

interface LocalItem {
  url: string;
  count: number;
  fileSize: number;
  extension: { sha256: string };
}

/**
 * What is published is one version of each file that the server had, none of them twice and none missing. A file that
 * bears its final name is whole even where the export failed.
 */
export function judgePublished(evidence: Evidence): string[] {
  const problems: string[] = [];
  const { files, organised } = evidence.case;
  const names = [...evidence.folder.keys()].filter(
    (name) => /^((deleted|error)\/)?[^/]+\.ndjson$/.test(name) && !['log.ndjson', 'deletions.ndjson'].includes(name),
  );
  const unused = new Set(files.keys());
  for (const name of names) {
    const bytes = evidence.folder.get(name) as Buffer;
    // Empty files look alike: those that may not be published are not thought of first.
    const fitting = [...unused]
      .filter((index) => mayBe(files[index] as FileCase, name, organised))
      .sort((one, other) => Number(files[one]?.count === 'wrong') - Number(files[other]?.count === 'wrong'));
    const found = fitting.find((index) => evidence.versions[index]?.some((version) => version.equals(bytes)) === true);
    if (found === undefined)
      problems.push(
        `${name} (${bytes.length} bytes) is no version of a file that the server had, or one that is there already`,
      );
    else {
      unused.delete(found);
      const { kind, count } = files[found] as FileCase;
      if (kind === 'output' && !organised && count === 'wrong')
        problems.push(`${name} is published although its count is wrong`);
    }
  }
  const manifest = evidence.folder.get('manifest.json');
  if (evidence.ending.kind === 'failed' && manifest !== undefined) problems.push('a failed export has a manifest.json');
  if (evidence.ending.kind !== 'complete') return problems;
  if (manifest === undefined) return [...problems, 'a complete export has no manifest.json'];
  for (const index of unused) problems.push(`file ${index} of the server is missing`);
  const { output, deleted, error } = JSON.parse(manifest.toString()) as Record<
    'output' | 'deleted' | 'error',
    LocalItem[]
  >;
  const listed = [...output, ...deleted, ...error];
  if (
    listed
      .map(({ url }) => url)
      .sort()
      .join() !== [...names].sort().join()
  )
    problems.push('manifest.json lists other files than there are');
  for (const { url, fileSize, extension } of listed) {
    const bytes = evidence.folder.get(url);
    if (bytes !== undefined && (bytes.length !== fileSize || hashOf(bytes) !== extension.sha256))
      problems.push(`${url} is not what manifest.json says`);
  }
  const { report } = evidence.ending;
  if (report.files !== output.length) problems.push('the report counts other files than manifest.json');
  return [...problems, ...judgeAttachments(evidence)];
}

function mayBe(file: FileCase, name: string, organised: boolean): boolean {
  const folder = { output: '', deleted: 'deleted/', error: 'error/' }[file.kind];
  const type = { output: organised ? 'OrganizedByPatient' : file.type, deleted: 'Bundle', error: 'OperationOutcome' }[
    file.kind
  ];
  return name.startsWith(`${folder}${type}.`);
}

/** An attachment is what the server has of it, or it is missing. */
function judgeAttachments({ case: { attachments }, folder }: Evidence): string[] {
  return [...folder]
    .filter(([name]) => name.startsWith('attachments/') && !name.endsWith('.ndjson'))
    .filter(([, bytes]) => attachments === 'Binary without data' || !bytes.equals(ATTACHMENT))
    .map(([name, bytes]) => `${name} (${bytes.length} bytes) is not what the server has`);
}
