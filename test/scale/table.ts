import type { Figures } from './scenario.ts';

const ROWS: [string, (figures: Figures) => string | number][] = [
  ['', ({ name }) => name],
  ['files', ({ files }) => files.toLocaleString('en')],
  ['time', ({ seconds }) => `${seconds} s`],
  ['reading the manifest', ({ poll }) => `${poll} s`],
  ['settling', ({ settle }) => `${settle} s`],
  ['runs', ({ runs }) => runs],
  ['events per 1,000 files', ({ eventsPer1000Files }) => eventsPer1000Files],
  ['longest history', ({ mostEvents, mostBytes }) => `${mostEvents} events, ${(mostBytes / 1e6).toFixed(2)} MB`],
  ['largest payload', ({ biggestPayload }) => `${(biggestPayload / 1024).toFixed(1)} KiB`],
  ['pending activities', ({ mostPending }) => mostPending],
  ['memory of a worker', ({ peakMemory }) => `${peakMemory} MB`],
  ['small export meanwhile', ({ smallElsewhere }) => `${smallElsewhere} s`],
  [
    'small export of the same server',
    ({ smallManifest, smallSameServer }) => `${smallSameServer} s (manifest: ${smallManifest} s)`,
  ],
];

/** Figures as a table of Markdown, a column for each scenario. */
export function table(figures: readonly Figures[]): string {
  const rows = ROWS.map(([title, value]) => [title, ...figures.map((one) => String(value(one)))]);
  const [head = [], ...rest] = rows;
  return [head, head.map(() => '---'), ...rest].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
