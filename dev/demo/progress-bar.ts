import type { ExportProgress } from '../../src/contract.ts';
import { readableBytes } from './words.ts';

const width = 30;
/** Milliseconds between lines where there is no terminal. */
const quiet = 2000;

/** Shows how far an export is: on a terminal in one line that is redrawn in place, elsewhere in a line now and then. */
export class ProgressBar {
  readonly #out: NodeJS.WriteStream;
  #line = '';
  #phase = '';
  #shownAt = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** @param always print the line also when the last one was only a moment ago */
  show(progress: ExportProgress, always = false): void {
    this.#showLine(progress.phase, describe(progress), always);
  }

  /** Shows what is at the destination, when the workflow does not answer. */
  showFiles(done: number, total: number): void {
    this.#showLine(
      'downloading',
      `${bar(done, total)} ${done}/${total} files (the workflow does not answer yet)`,
      false,
    );
  }

  /** Ends the line that is being redrawn, so that something else can be printed. */
  leave(): void {
    if (this.#out.isTTY && this.#line !== '') this.#out.write('\n');
    this.#line = '';
  }

  #showLine(phase: string, text: string, always: boolean): void {
    const line = `  ${phase.padEnd(13)}${text}`.trimEnd();
    if (line === this.#line) return;
    if (this.#out.isTTY) {
      this.#out.write(`\r\x1b[K${line.slice(0, (this.#out.columns || 80) - 1)}`);
    } else {
      if (!always && phase === this.#phase && Date.now() - this.#shownAt < quiet) return;
      this.#out.write(`${line}\n`);
    }
    this.#line = line;
    this.#phase = phase;
    this.#shownAt = Date.now();
  }
}

function describe({ files, polls, serverProgress, bytes, resources, trouble }: ExportProgress): string {
  const parts: string[] = [];
  if (files === undefined) {
    if (polls > 0) parts.push(`polls: ${polls}`);
    if (serverProgress !== undefined) parts.push(`the server says: ${serverProgress}`);
  } else {
    parts.push(`${bar(files.done, files.total)} ${files.done}/${files.total} files`);
    parts.push(readableBytes(bytes), `${resources.toLocaleString('en')} resources`);
    if (files.failed > 0) parts.push(`${files.failed} failed`);
  }
  if (trouble !== undefined) parts.push(`being tried again: ${trouble}`);
  return parts.join(' · ');
}

function bar(done: number, total: number): string {
  const full = total === 0 ? width : Math.floor((done / total) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
