import type { ExportReport } from '../../contract.ts';
import { count, readableBytes, readableTime } from './readable.ts';

/**
 * A report as a table.
 *
 * @param seconds that it took, where known
 */
export function reportLines(report: ExportReport, seconds?: number): string[] {
  const { status, files, resources, bytes, byType, deletions, issues, attachments, warnings, transactionTime } = report;
  const { gained, brought } = report.newMembers ?? {};
  const time = seconds === undefined ? '' : ` in ${readableTime(seconds)}`;
  const title = status === 'complete' ? 'Complete' : 'Complete, with issues';
  const types = Object.entries(byType).sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = types.map(([type, counts]) => [
    type,
    counts.files.toLocaleString('en'),
    counts.resources.toLocaleString('en'),
    readableBytes(counts.bytes),
  ]);
  return [
    '',
    `${title}: ${count(files, 'file')}, ${count(resources, 'resource')}, ${readableBytes(bytes)}${time}`,
    '',
    ...(rows.length === 0 ? [] : [...table(['type', 'files', 'resources', 'bytes'], rows), '']),
    ...Object.entries(deletions).map(([type, number]) => `  deleted on the server: ${count(number, type)}`),
    ...(gained === undefined ? [] : [`  new members of the group: ${gained.toLocaleString('en')}`]),
    ...(brought === undefined ? [] : [`  all their data: ${brought.location}`]),
    ...(attachments === undefined
      ? []
      : [
          `  attachments: ${count(attachments.files, 'file')}, ${readableBytes(attachments.bytes)}, ${attachments.missing} missing${attachments.leftOut === undefined ? '' : `, ${attachments.leftOut} left out`}`,
        ]),
    ...issues.map(({ severity, code, count: number }) => `  issue    ${severity} ${code}: ${number}`),
    ...(issues.length === 0 ? [] : ['           (texts: error/summary.json)']),
    ...warnings.map(({ code, message }) => `  warning  ${code}: ${message}`),
    `  transaction time  ${transactionTime || '(none)'}`,
    `  files             ${report.location}`,
  ];
}

/**
 * Columns beside each other: text to the left, numbers to the right.
 *
 * @param texts how many of the first columns hold text
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[], texts = 1): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  return [head, ...rows].map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column < texts ? cell.padEnd(width) : cell.padStart(width);
    });
    return `  ${cells.join('  ')}`.trimEnd();
  });
}
