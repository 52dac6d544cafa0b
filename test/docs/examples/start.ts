import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { startExport } from 'fhir-bulk-export';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig(); // localhost:7233, unless TEMPORAL_* say more
const connection = await Connection.connect(connectionOptions);
const started = await startExport(
  new Client({ connection, namespace }),
  { server: 'hospital', level: 'system', parameters: { _type: ['Patient', 'Observation'] } },
  { workflowId: 'ts-export' },
);
console.log(await started.result());
await connection.close();
