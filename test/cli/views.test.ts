import { PassThrough } from 'node:stream';
import { beforeEach, expect, test, vi } from 'vitest';
import type { ExportEvent } from '../../src/cli/export/events.ts';
import { showProgress } from '../../src/cli/export/show.ts';
import { readableTime } from '../../src/cli/view/readable.ts';
import { JsonView, LineView, TerminalView } from '../../src/cli/view/views.ts';
import type { ExportProgress } from '../../src/contract.ts';

let out: PassThrough & { columns?: number; isTTY?: boolean };
let written: string;
beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z'), toFake: ['Date', 'performance'] });
  out = new PassThrough();
  written = '';
  out.on('data', (chunk: Buffer) => (written += chunk.toString()));
  return () => vi.useRealTimers();
});

const base: ExportProgress = {
  phase: 'waiting',
  server: 'a',
  polls: 0,
  resources: 0,
  bytes: 0,
  deadline: '2026-01-31T00:00:00Z',
  warnings: [],
};
const at = (done: number, more: Partial<ExportProgress> = {}) =>
  ({
    kind: 'progress',
    time: '',
    progress: {
      ...base,
      phase: 'downloading',
      bytes: done * 1_000_000,
      files: { total: 10, done, failed: 0, waiting: 10 - done, running: 0 },
      ...more,
    },
  }) as const;

// eslint-disable-next-line no-control-regex -- terminals are told by them
const SEQUENCES = /\x1b\[\??(\d*)([A-Za-z])|(\n)|([^\x1b\n]+)/g;

/** What a terminal shows after all that was written to it. */
function screen(text: string): string[] {
  const lines = [''];
  let row = 0;
  for (const [, number = '', command, newline, letters] of text.matchAll(SEQUENCES)) {
    if (command === 'A') row -= Number(number || 1);
    // To the end of the screen or line, from the first column; a whole line.
    else if (command === 'J') lines.splice(row, Infinity, '');
    else if (command === 'K') lines[row] = '';
    else if (newline !== undefined) lines[++row] ??= '';
    else if (letters !== undefined) lines[row] += letters;
  }
  expect(lines.splice(row + 1).join('')).toBe('');
  return lines;
}

test('a terminal: progress is redrawn in place below what was said, with pace, time left, poll and trouble', () => {
  out.columns = 100;
  const view = new TerminalView(out as unknown as NodeJS.WriteStream);
  view.show({ kind: 'export', how: 'started', workflowId: 'w', path: 'p' });
  view.show({
    kind: 'progress',
    time: '',
    progress: { ...base, polls: 2, serverProgress: '35 %\u001b[2J done', nextPollAt: '2026-01-01T00:01:05Z' },
  });
  expect(screen(written)).toEqual([
    'Export w',
    'waiting      next poll in 1 min 5 s · 2 polls so far',
    '             the server says: 35 % [2J done',
    '',
  ]);
  view.show(at(0));
  vi.setSystemTime(Date.parse('2026-01-01T00:00:10Z'));
  view.show(at(5, { trouble: `503 ${'漢'.repeat(100)}`, standsStillSince: '2026-01-01T00:00:04Z' }));
  view.show({ kind: 'notice', text: 'look' });
  const [first, notice, main, pace, ...rest] = screen(written);
  const [end, ...trouble] = rest.reverse();
  expect([first, notice, end]).toEqual(['Export w', 'look', '']);
  expect(main).toBe(`downloading  ${'█'.repeat(12)}${'░'.repeat(12)} 5/10 files · 5.0 MB`);
  expect(pace).toBe('             500.0 kB/s · about 10 s left');
  // It goes on in further lines. Letters that take two columns are counted so; else the terminal would wrap the lines.
  expect(trouble.toReversed().join('')).toBe(`retrying, nothing has come for 6 s: 503 ${'漢'.repeat(100)}`);
  for (const line of trouble) expect(Array.from(line).length).toBeLessThan(75);
  view.show({ kind: 'cancelled', workflowId: 'w' });
  expect(screen(written)).toEqual(['Export w', 'look', 'Export w was cancelled. Complete files stay.', '']);
});

test('a narrow terminal: how many files are there is read, whatever the server says', () => {
  out.columns = 40;
  const view = new TerminalView(out as unknown as NodeJS.WriteStream);
  view.show(at(5));
  expect(screen(written)).toEqual(['downloading  ██░░░ 5/10 files · 5.0 MB', '']);
  vi.advanceTimersByTime(10_000);
  view.show(at(6));
  expect(screen(written)[1]).toBe('  100.0 kB/s · about 40 s left');
  const serverProgress = 'words '.repeat(60);
  view.show({ kind: 'progress', time: '', progress: { ...base, serverProgress, nextPollAt: '2026-01-01T00:00:15Z' } });
  const [main, ...words] = screen(written);
  expect(main).toBe('waiting      next poll in 5 s');
  expect(words).toHaveLength(5);
  expect(words.slice(0, -1).every((line) => line.length < 41)).toBe(true);
});

test('files that are missing are named to their end, with what can be done', () => {
  out.columns = 80;
  const view = new TerminalView(out as unknown as NodeJS.WriteStream);
  const trouble = `1 of 8 files could not be downloaded completely: ${'a'.repeat(120)}.ndjson (HTTP 404)`;
  view.show(at(5, { phase: 'needs-attention', trouble }));
  const [, ...lines] = screen(written);
  expect(lines.join('')).toContain('.ndjson (HTTP 404)');
  expect(lines.at(-2)).toBe('             To go on: fhir-bulk-export retry, finish-incomplete or give-up');
});

test('the time left goes by bytes where the manifest has sizes', () => {
  const view = new LineView(out);
  view.show(at(0));
  vi.advanceTimersByTime(11_000);
  view.show(at(5, { knownBytes: 50_000_000 }));
  expect(written).toContain('454.5 kB/s · about 1 min 39 s left');
});

test('elsewhere: lines, at each phase and now and then', () => {
  const view = new LineView(out);
  view.show(at(1));
  view.show(at(2));
  vi.advanceTimersByTime(11_000);
  view.show(at(3));
  view.show(at(10, { phase: 'settling' }));
  const lines = written.trimEnd().split('\n');
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['downloading', 'downloading', 'settling']);
  expect(written).not.toContain('\u001b');
});

test('for machines: JSON, one progress in a second and phase', () => {
  const view = new JsonView(out);
  for (const done of [1, 1, 2]) view.show(at(done));
  vi.advanceTimersByTime(1100);
  view.show(at(3));
  expect(
    written
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind),
  ).toEqual(['progress', 'progress']);
});

test('times are cut to what matters', () => {
  expect([0, 59.6, 200, 7500, 273_600].map(readableTime)).toEqual([
    '0 s',
    '1 min',
    '3 min 20 s',
    '2 h 5 min',
    '3 d 4 h',
  ]);
});

test('when nobody answers any more, the last line of a terminal is that, and no pace', () => {
  out.columns = 80;
  const look = showProgress(new TerminalView(out as unknown as NodeJS.WriteStream), 'nobody runs it');
  look({ kind: 'progress', progress: at(5).progress });
  vi.advanceTimersByTime(11_000);
  look({ kind: 'silent' });
  expect(screen(written).slice(-2)).toEqual(['nobody runs it', '']);
  look({ kind: 'progress', progress: at(6).progress });
  expect(screen(written).at(-3)).toContain('6/10 files');
});

test('whoever follows an export that nobody runs soon learns of it', () => {
  const shown: ExportEvent[] = [];
  const look = showProgress({ show: (event) => shown.push(event), end: () => {} }, 'nobody runs it');
  look({ kind: 'silent' });
  vi.advanceTimersByTime(5000);
  expect(shown).toEqual([]);
  look({ kind: 'silent' });
  expect(shown).toEqual([{ kind: 'notice', text: 'nobody runs it' }]);
});

test('whoever follows an export without its keys learns it at once, and that a worker answers', () => {
  const shown: ExportEvent[] = [];
  const look = showProgress({ show: (event) => shown.push(event), end: () => {} }, 'nobody runs it');
  const unreadable = { kind: 'unreadable', why: 'A payload is encrypted.' } as const;
  look(unreadable);
  vi.advanceTimersByTime(20_000);
  look(unreadable);
  expect(shown).toEqual([{ kind: 'notice', text: 'A worker answers. A payload is encrypted.' }]);
});

test('whoever follows an export learns when nobody answers any more', () => {
  const shown: ExportEvent[] = [];
  const look = showProgress({ show: (event) => shown.push(event), end: () => {} }, 'nobody runs it');
  const texts = (): string[] => shown.flatMap((event) => (event.kind === 'notice' ? [event.text] : []));
  const pass = (kind: 'silent' | 'unreachable'): void => {
    for (let second = 0; second < 30; second += 1) {
      look({ kind });
      vi.advanceTimersByTime(1000);
    }
  };
  look({ kind: 'progress', progress: base });
  pass('silent');
  expect(texts()).toEqual(['nobody runs it']);
  look({ kind: 'progress', progress: base });
  pass('unreachable');
  expect(texts()).toEqual(['nobody runs it', expect.stringContaining('Temporal cannot be reached')]);
});
