import type { ExportReport, TypeCounts } from '../../../src/contract.ts';
import type { Evidence } from './evidence.ts';

/** The workflow's report says what is at the destination. */
export async function checkReport({ run, report, manifest }: Evidence): Promise<string[]> {
  const { place } = run.destination;
  const byType: Record<string, TypeCounts> = {};
  for (const { type = '', url } of manifest.output) {
    const content = await place.read(run.path, url);
    const counts = (byType[type] ??= { files: 0, resources: 0, bytes: 0 });
    counts.files++;
    counts.bytes += content.length;
    counts.resources += content.toString('latin1').split('\n').length - 1;
  }
  const sum = (key: keyof TypeCounts): number =>
    Object.values(byType).reduce((total, counts) => total + counts[key], 0);
  const expected: Partial<ExportReport> = {
    status: run.hospital.shape.issues ? 'complete-with-issues' : 'complete',
    transactionTime: manifest.transactionTime,
    location: place.location(run.path),
    files: sum('files'),
    resources: sum('resources'),
    bytes: sum('bytes'),
  };
  const problems = Object.entries(expected)
    .map(([key, value]) => [key, JSON.stringify(report[key as keyof ExportReport]), JSON.stringify(value)])
    .filter(([, told, real]) => told !== real)
    .map(([key, told, real]) => `the report's ${key} is ${told} instead of ${real}`);
  return sorted(report.byType) === sorted(byType)
    ? problems
    : [...problems, `the report's byType is ${sorted(report.byType)} instead of ${sorted(byType)}`];
}

function sorted(byType: Record<string, TypeCounts>): string {
  const entries = Object.entries(byType).map(([type, { files, resources, bytes }]) => [type, files, resources, bytes]);
  return JSON.stringify(entries.sort(([one], [other]) => (String(one) < String(other) ? -1 : 1)));
}
