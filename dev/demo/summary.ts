import type { ExportReport } from '../../src/contract.ts';
import type { Check, FetchedFile } from './proof.ts';
import { readableBytes } from '../../src/cli/view/readable.ts';

/** Most files in the table; an export may have thousands. */
const most = 40;

/** The workflow's report in a few lines. */
export function describeReport(report: ExportReport): string {
  const { status, transactionTime, files, resources, bytes, issues, warnings } = report;
  const lines = [
    `status           ${status}`,
    `transactionTime  ${transactionTime}`,
    `files            ${files}`,
    `resources        ${resources.toLocaleString('en')}`,
    `bytes            ${readableBytes(bytes)}`,
    ...issues.map((issue) => `issue            ${issue.severity} ${issue.code}: ${issue.count}`),
    ...warnings.map(({ code, message }) => `warning          ${code}: ${message}`),
  ];
  return lines.map((line) => `  ${line}`).join('\n');
}

/** The files as a table, with the number of requests for each where it is known. */
export function describeFiles(files: readonly FetchedFile[]): string {
  const rows = files.slice(0, most).map(({ name, resources, found, requests }) => {
    const cells = [name.padEnd(32), String(resources).padStart(9), readableBytes(found.bytes).padStart(10)];
    if (requests !== undefined) cells.push(String(requests).padStart(10));
    return [...cells, ` ${found.sha256.slice(0, 16)}…`].join('');
  });
  const requests = files[0]?.requests === undefined ? '' : '  requests';
  const head = `${'file'.padEnd(32)}${'resources'.padStart(9)}${'bytes'.padStart(10)}${requests}  sha256`;
  const more = files.length > most ? [`… and ${files.length - most} more`] : [];
  return [head, ...rows, ...more].map((line) => `  ${line}`).join('\n');
}

export function describeChecks(checks: readonly Check[]): string {
  return checks.map(({ holds, text }) => `  ${holds ? '✓' : '✗'} ${text}`).join('\n');
}
