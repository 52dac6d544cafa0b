import { LineCounter, parseDocument } from 'yaml';

/** A YAML text that was read: what it says, and where. */
export interface YamlText {
  kind: 'yaml';
  content: unknown;
  /** Line of the field with this path, or else of the nearest one around it; undefined for the text as a whole. */
  lineOf(path: readonly unknown[]): number | undefined;
}

/** Reads a YAML text; the faults name their lines. */
export function readYaml(text: string): YamlText | { kind: 'broken'; faults: string[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  if (document.errors.length > 0) {
    return { kind: 'broken', faults: document.errors.map(({ message }) => firstLine(message)) };
  }
  try {
    return { kind: 'yaml', content: document.toJS() ?? {}, lineOf };
  } catch (error) {
    // An alias without its anchor, or too many of them.
    return { kind: 'broken', faults: [firstLine((error as Error).message)] };
  }

  function lineOf(path: readonly unknown[]): number | undefined {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
      if (node?.range !== undefined) return lines.linePos(node.range[0]).line;
    }
    return undefined;
  }
}

/** Without the excerpt of the text that follows: it may hold a secret. */
function firstLine(message: string): string {
  return (message.split('\n')[0] as string).replace(/:$/, '');
}
