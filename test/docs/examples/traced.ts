import { Client } from '@temporalio/client';
import { connection, namespace } from './connection.ts';
import { startExport, traceStarts } from 'fhir-bulk-export';

const client = new Client({ connection, namespace, interceptors: { workflow: [traceStarts()] } });

const started = await startExport(client, { server: 'hospital', level: 'system' }, { workflowId: 'traced' });
console.log((await started.result()).status);
await connection.close();
