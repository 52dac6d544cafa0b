export { bulkExport } from './bulk-export.ts';
export { checkServer } from './check-server.ts';
export { exportGate } from './gate/export-gate.ts';
