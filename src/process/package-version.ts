import { createRequire } from 'node:module';

/** Version of this package; `unknown` where its code was copied without its package.json. */
export function packageVersion(): string {
  try {
    return (createRequire(import.meta.url)('fhir-bulk-export/package.json') as { version: string }).version;
  } catch {
    return 'unknown';
  }
}
