import cliTruncate from 'cli-truncate';
import { createLogUpdate } from 'log-update';
import type { ExportProgress } from '../../contract.ts';
import type { ExportEvent, View } from '../export/events.ts';
import { linesOf, ProgressText } from './describe.ts';

/** Milliseconds between two lines of progress without a terminal, as long as the phase is the same. */
const QUIET = 10_000;
/** Milliseconds between two events of progress for machines, likewise. */
const JSON_QUIET = 1000;

/** Lines that one text of the progress takes at most. */
const MOST_LINES = 4;

/** The view for an output: on a terminal redrawn in place, elsewhere plain lines; JSON for machines. */
export function viewFor(json: boolean, out: NodeJS.WriteStream = process.stdout): View {
  if (json) return new JsonView(out);
  return out.isTTY && process.env['TERM'] !== 'dumb' ? new TerminalView(out) : new LineView(out);
}

/** One JSON object for each event, each on a line of its own. */
export class JsonView implements View {
  readonly #out: NodeJS.WritableStream;
  readonly #rare = new Rare(JSON_QUIET);

  constructor(out: NodeJS.WritableStream) {
    this.#out = out;
  }

  show(event: ExportEvent): void {
    if (event.kind === 'progress' && !this.#rare.isDue(event.progress)) return;
    this.#out.write(`${JSON.stringify(event)}\n`);
  }

  end(): void {}
}

/** Lines that a log can take. */
export class LineView implements View {
  readonly #out: NodeJS.WritableStream;
  readonly #text = new ProgressText();
  readonly #rare = new Rare(QUIET);

  constructor(out: NodeJS.WritableStream) {
    this.#out = out;
  }

  show(event: ExportEvent): void {
    if (event.kind !== 'progress') {
      for (const line of linesOf(event)) this.#out.write(`${line}\n`);
      return;
    }
    const lines = this.#text.lines(event.progress, Date.now());
    if (this.#rare.isDue(event.progress)) this.#out.write(`${lines.map((line) => line.trim()).join(' · ')}\n`);
  }

  end(): void {}
}

/** The last lines of a terminal are the progress, redrawn in place. */
export class TerminalView implements View {
  readonly #out: NodeJS.WriteStream;
  readonly #text = new ProgressText();
  readonly #draw: ReturnType<typeof createLogUpdate>;
  #progress: ExportProgress | undefined;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    // Whoever kills the command has a cursor all the same.
    this.#draw = createLogUpdate(out, { showCursor: true });
  }

  show(event: ExportEvent): void {
    if (event.kind === 'progress') {
      this.#progress = event.progress;
      this.#redraw();
      return;
    }
    this.#draw.clear();
    for (const line of linesOf(event)) this.#out.write(`${line}\n`);
    if (event.kind === 'notice') this.#redraw();
    else this.#progress = undefined;
  }

  /** What was drawn last stays. */
  end(): void {
    this.#draw.done();
    this.#progress = undefined;
  }

  #redraw(): void {
    if (this.#progress === undefined) return;
    const columns = Math.max(20, (this.#out.columns || 80) - 1);
    const [main = '', ...others] = this.#text.lines(this.#progress, Date.now(), columns);
    // What a server says, or what is missing, goes on in the next lines.
    const lines = [cliTruncate(main, columns), ...others.map((line) => cliTruncate(line, MOST_LINES * columns))];
    this.#draw(lines.join('\n'));
  }
}

/** Lets progress through when its phase changes, or when it has changed and the last one is old enough. */
class Rare {
  readonly #quiet: number;
  #last: { time: number; phase: string; text: string } | undefined;

  constructor(quiet: number) {
    this.#quiet = quiet;
  }

  isDue(progress: ExportProgress): boolean {
    const text = JSON.stringify(progress);
    const { phase } = progress;
    const last = this.#last;
    if (last !== undefined) {
      if (last.text === text) return false;
      if (last.phase === phase && performance.now() - last.time < this.#quiet) return false;
    }
    this.#last = { time: performance.now(), phase, text };
    return true;
  }
}
