import type { ExportProgress } from '../../src/contract.ts';
import { readableBytes } from './words.ts';

const width = 30;
/** Milliseconds between lines where there is no terminal. */
const quiet = 2000;

/** Shows progress: on a terminal one line that is redrawn in place, elsewhere a line now and then. */
export class ProgressBar {
  readonly #out: NodeJS.WriteStream;
  #line = '';
  #phase = '';
  #shownAt = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show(progress: ExportProgress): void {
    const line = describe(progress);
    if (line === this.#line) return;
    if (this.#out.isTTY) {
      this.#out.write(`\r\x1b[K${line.slice(0, this.#out.columns - 1)}`);
    } else {
      const soon = Date.now() - this.#shownAt < quiet;
      if (soon && progress.phase === this.#phase) return;
      this.#out.write(`${line}\n`);
    }
    this.#line = line;
    this.#phase = progress.phase;
    this.#shownAt = Date.now();
  }

  /** Ends the line that is being redrawn, so that something else can be printed; the next progress gets a new one. */
  leave(): void {
    if (this.#out.isTTY && this.#line !== '') this.#out.write('\n');
    this.#line = '';
  }
}

function describe({ phase, files, polls, serverProgress, bytes, resources, trouble }: ExportProgress): string {
  const parts: string[] = [];
  if (files === undefined) {
    if (polls > 0) parts.push(`polls: ${polls}`);
    if (serverProgress !== undefined) parts.push(`the server says: ${serverProgress}`);
  } else {
    parts.push(`${bar(files.done, files.total)} ${files.done}/${files.total} files`, readableBytes(bytes));
    parts.push(`${resources.toLocaleString('en')} resources`);
    if (files.failed > 0) parts.push(`${files.failed} failed`);
  }
  if (trouble !== undefined) parts.push(`being tried again: ${trouble}`);
  return `  ${phase.padEnd(12)}${parts.join(' · ')}`.trimEnd();
}

function bar(done: number, total: number): string {
  const full = total === 0 ? width : Math.floor((done / total) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
