import { readFile } from 'node:fs/promises';
import { parseAst, transformWithEsbuild } from 'vite';

/** Stands between a file and the titles in a citation. */
export const ARROW = ' › ';

/** A test or a describe of a test file. */
interface Titled {
  title: string;
  isTest: boolean;
  /** Vitest does not run it, or only sometimes, or expects it to fail. */
  skipped: boolean;
  only: boolean;
  children: Titled[];
}

interface Node {
  type: string;
  [field: string]: unknown;
}

/** The citations in a text: `file › titles`. */
export function citationsOf(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, cited]) => cited as string).filter((cited) => cited.includes(ARROW));
}

/**
 * Says what is wrong with a citation, or nothing.
 *
 * @param sourceOf gives the text of a test file, or nothing when there is no such file
 */
export function citationReader(
  sourceOf: (file: string) => Promise<string | undefined>,
): (citation: string) => Promise<string | undefined> {
  const files = new Map<string, Promise<Titled[] | undefined>>();
  return async (citation) => {
    const [file = '', ...path] = citation.split(ARROW);
    if (!files.has(file))
      files.set(
        file,
        sourceOf(file).then((source) => (source === undefined ? undefined : readTitles(source, file))),
      );
    const titled = await files.get(file);
    return titled === undefined ? 'there is no such file' : faultOfPath(titled, path);
  };
}

function faultOfPath(file: readonly Titled[], path: readonly string[]): string | undefined {
  if (all(file).some(({ only }) => only)) return 'the file has an .only, so that others do not run';
  const found = path.reduce<Titled[]>(
    (among, title, depth) =>
      (depth === 0 ? all(among) : among.flatMap(({ children }) => children)).filter((one) => one.title === title),
    [...file],
  );
  if (found.length === 0) return 'there is no such test or describe';
  const tests = all(found).filter(({ isTest }) => isTest);
  if (tests.length === 0) return 'there is no test in it';
  return tests.some(({ skipped }) => skipped) ? 'it is skipped' : undefined;
}

function all(titled: readonly Titled[]): Titled[] {
  return titled.flatMap((one) => [one, ...all(one.children)]);
}

/** The tests and describes of a file, as its syntax tree has them. */
async function readTitles(source: string, file: string): Promise<Titled[]> {
  const { code } = await transformWithEsbuild(source, file, { loader: 'ts', target: 'esnext', tsconfigRaw: {} });
  const root: Titled = { title: '', isTest: false, skipped: false, only: false, children: [] };
  collect(parseAst(code) as unknown as Node, root, code);
  return root.children;
}

function collect(node: Node, parent: Titled, code: string): void {
  const own = node.type === 'CallExpression' ? titledOf(node, parent, code) : undefined;
  if (own !== undefined) parent.children.push(own);
  for (const value of Object.values(node)) {
    for (const inner of Array.isArray(value) ? value : [value]) if (isNode(inner)) collect(inner, own ?? parent, code);
  }
}

function titledOf(call: Node, parent: Titled, code: string): Titled | undefined {
  const names = namesOf(call['callee'] as Node);
  const title = textOf((call['arguments'] as Node[])[0], code);
  if (title === undefined || !['test', 'it', 'describe'].includes(names[0] ?? '')) return undefined;
  const skipped = parent.skipped || names.some((name) => ['skip', 'todo', 'skipIf', 'runIf', 'fails'].includes(name));
  return { title, isTest: names[0] !== 'describe', skipped, only: names.includes('only'), children: [] };
}

/** `test.each(rows)` is `test`, `each`. */
function namesOf(callee: Node): string[] {
  switch (callee.type) {
    case 'Identifier':
      return [callee['name'] as string];
    case 'MemberExpression':
      return [...namesOf(callee['object'] as Node), ...namesOf(callee['property'] as Node)];
    case 'CallExpression':
      return namesOf(callee['callee'] as Node);
    default:
      return [];
  }
}

/** The value of a text; of a template, its text as written. */
function textOf(node: Node | undefined, code: string): string | undefined {
  if (node?.type === 'Literal') return typeof node['value'] === 'string' ? node['value'] : undefined;
  return node?.type === 'TemplateLiteral'
    ? code.slice((node['start'] as number) + 1, (node['end'] as number) - 1)
    : undefined;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}

/** The text of a test file of this project. */
export async function readProjectFile(file: string): Promise<string | undefined> {
  if (!/^test\/[\w/-]+\.test\.ts$/.test(file)) return undefined;
  return readFile(new URL(`../../${file}`, import.meta.url), 'utf8').catch(() => undefined);
}
