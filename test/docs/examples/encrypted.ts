import { Client } from '@temporalio/client';
import { connection, namespace } from './connection.ts';
import { payloadEncryption, startExport } from 'fhir-bulk-export';

const client = new Client({ connection, namespace, dataConverter: payloadEncryption() ?? {} });

const started = await startExport(client, { server: 'hospital', level: 'system' }, { workflowId: 'encrypted' });
console.log((await started.result()).status);
await connection.close();
