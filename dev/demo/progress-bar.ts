import type { ExportProgress } from '../../src/contract.ts';
import { readableBytes } from '../../src/cli/view/readable.ts';

const width = 30;
/** Milliseconds between lines without a terminal. */
const quiet = 2000;

/** Shows the progress of an export: on a terminal one line, redrawn in place, elsewhere one line every 2 seconds. */
export class ProgressBar {
  readonly #out: NodeJS.WriteStream;
  #line = '';
  #phase = '';
  #shownAt = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  /** @param always print the line even if the last one is less than 2 seconds old */
  show(progress: ExportProgress, always = false): void {
    this.#showLine(progress.phase, describe(progress), always);
  }

  /** Shows the number of files at the destination, while the workflow does not answer. */
  showFiles(done: number, total: number): void {
    this.#showLine(
      'downloading',
      `${bar(done, total)} ${done}/${total} files (the workflow does not answer yet)`,
      false,
    );
  }

  /** Ends the line that is being redrawn, before other output. */
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
  if (trouble !== undefined) parts.push(`retrying: ${trouble}`);
  return parts.join(' · ');
}

function bar(done: number, total: number): string {
  const full = total === 0 ? width : Math.floor((done / total) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
