import type { AuditConfig } from '../audit/audit-schema.ts';
import type { Use } from '../storage/destination-kind.ts';
import type { DestinationConfig } from '../storage/destinations.ts';

/** Name of the place for audit records, beside those of destinations. */
const AUDIT = 'audit.destination';

/** What the configuration says of places. */
export interface Places {
  destinations: Readonly<Record<string, DestinationConfig>>;
  audit?: Pick<AuditConfig, 'destination'> | undefined;
}

/** A place that workers write to. */
export interface Place {
  name: string;
  config: DestinationConfig;
  use: Use;
}

/** All places that workers write to. */
export function placesOf({ destinations, audit }: Places): Place[] {
  return [
    ...Object.entries(destinations).map(([name, config]) => ({ name, config, use: 'exports' as const })),
    ...(audit === undefined ? [] : [{ name: AUDIT, config: audit.destination, use: 'records' as const }]),
  ];
}
