import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { createExportSchedule } from 'fhir-bulk-export';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection, namespace });

const { handle, trigger } = await createExportSchedule(
  client,
  { server: 'hospital', level: 'system', incremental: {} },
  {
    scheduleId: 'nightly',
    spec: { cronExpressions: ['0 2 * * *'], jitter: '10 minutes' },
    note: 'for the research copy',
  },
);
await trigger();
await handle.pause('maintenance');
await connection.close();
