// The entry of this workspace: tests and tools import this file, and none of the others.
export { createAuthServer, type AuthServer } from './auth-server/auth-server.ts';
export type { AuthServerOptions, RegisteredClient } from './auth-server/options.ts';
export type { TokenRequest } from './auth-server/token-request.ts';
export type { Authorization } from './authorization.ts';
export type { ExportRequest } from './export/export-request.ts';
export type { Manifest, ManifestItem } from './export/manifest.ts';
export type { ExpectedFile } from './export/ndjson-files.ts';
export type { Fault, FaultRule } from './faults.ts';
export { operationOutcome, type Message } from './http/answer.ts';
export type { JournalEntry, Route } from './journal.ts';
export type { FhirBulkVersion, SampleServerOptions } from './options.ts';
export { startSampleServer, type JobSummary, type SampleServer } from './server.ts';
