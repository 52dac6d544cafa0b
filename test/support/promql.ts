import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../../src/programs/project.ts';

/** A use of a metric in an expression of Prometheus, with the labels that it selects by. */
export interface Use {
  metric: string;
  labels: string[];
}

/** The metrics of ours and of Temporal's SDK that an expression reads. */
function usesIn(expression: string): Use[] {
  return [...expression.matchAll(/\b((?:fhir_bulk_export|temporal)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, metric, selected = '']) => ({
      metric: metric as string,
      labels: [...selected.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label as string),
    }),
  );
}

/** What the alert rules and the dashboard read. */
export async function usesInDeploy(): Promise<Use[]> {
  const read = (file: string) => readFile(join(projectRoot, 'deploy', file), 'utf8');
  const alerts = parse(await read('prometheus/alerts.yml')) as { groups: { rules: { expr: string }[] }[] };
  const dashboard = JSON.parse(await read('grafana/fhir-bulk-export.json')) as {
    panels: { targets: { expr: string }[] }[];
  };
  return [
    ...alerts.groups.flatMap(({ rules }) => rules),
    ...dashboard.panels.flatMap(({ targets }) => targets),
  ].flatMap(({ expr }) => usesIn(expr));
}
