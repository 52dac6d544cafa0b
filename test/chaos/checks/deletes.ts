import { reportOf } from '../export-run.ts';
import type { Evidence } from './evidence.ts';

/** DELETE at least once, after `manifest.json`; never after a failure, never with `keepServerFiles`. */
export function checkDeletes({ run, requests, published }: Evidence): string[] {
  const deletes = requests.filter(({ route }) => route === 'delete');
  if (run.hospital.shape.keepServerFiles) {
    return deletes.length === 0 ? [] : [`${deletes.length} DELETEs in spite of keepServerFiles`];
  }
  const complete = published.get('manifest.json') ?? Infinity;
  const early = deletes.filter(({ at }) => at < complete - 1).length;
  const taken = deletes.some(({ status }) => status === 202 || status === 404);
  return [
    ...(early > 0 ? [`${early} DELETEs before manifest.json was there`] : []),
    ...(taken ? [] : [`the job was not deleted; warnings: ${JSON.stringify(reportOf(run)?.warnings)}`]),
  ];
}
