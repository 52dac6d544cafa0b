/** How large an export is; the light server makes it up from this. */
export interface Shape {
  files: number;
  /** Manifest pages. */
  pages: number;
  /** Characters of each file's URL, as signatures make them long. */
  urlLength: number;
}

const TYPES = ['Patient', 'Encounter', 'Condition', 'Observation', 'MedicationRequest'];
const MOST_LINES = 3;

/** Folder of a server's base URL from which it knows the shape. */
export function folderOf({ files, pages, urlLength }: Shape): string {
  return `${files}-${pages}-${urlLength}`;
}

export function shapeOf(folder: string): Shape | undefined {
  const [, files, pages, urlLength] = /^(\d+)-(\d+)-(\d+)$/.exec(folder) ?? [];
  return files === undefined ? undefined : { files: Number(files), pages: Number(pages), urlLength: Number(urlLength) };
}

/** A file of the export, by its place among the output. */
export interface MadeFile {
  type: string;
  lines: number;
  content: string;
}

export function makeFile({ files }: Shape, place: number): MadeFile {
  const type = TYPES[Math.floor((place * TYPES.length) / files)] as string;
  const lines = 1 + (place % MOST_LINES);
  const resources = Array.from({ length: lines }, (_, line) => ({ resourceType: type, id: `${place}-${line}` }));
  return { type, lines, content: resources.map((resource) => `${JSON.stringify(resource)}\n`).join('') };
}

/** A manifest page. */
export function makePage(shape: Shape, page: number, base: string): object {
  const { files, pages, urlLength } = shape;
  const from = Math.floor(((page - 1) * files) / pages);
  const to = Math.floor((page * files) / pages);
  const output = Array.from({ length: to - from }, (_, offset) => {
    const place = from + offset;
    const { type, lines } = makeFile(shape, place);
    return { type, url: `${base}/files/${place}?signature=`.padEnd(urlLength, 'x'), count: lines };
  });
  return {
    transactionTime: '2026-01-01T00:00:00Z',
    request: `${base}/$export`,
    requiresAccessToken: false,
    output,
    error: page === 1 ? [{ type: 'OperationOutcome', url: `${base}/error` }] : [],
    ...(page < pages ? { link: [{ relation: 'next', url: `${base}/status?page=${page + 1}` }] } : {}),
  };
}

export const ERROR_FILE = `${JSON.stringify({
  resourceType: 'OperationOutcome',
  issue: [{ severity: 'information', code: 'informational', diagnostics: 'made on the fly' }],
})}\n`;
