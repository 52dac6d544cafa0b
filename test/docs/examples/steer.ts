import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { ExportFailure, getExport, startAndAwaitAccepted } from 'fhir-bulk-export';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection, namespace });

// Returns when the FHIR server has accepted the export.
const started = await startAndAwaitAccepted(
  client,
  { server: 'hospital', level: 'system', onIncomplete: 'wait' },
  { workflowId: 'weekly' },
);
await started.setConcurrency(2);

// From wherever, at whatever time.
const weekly = getExport(client, 'weekly');
for await (const { phase, files, trouble } of weekly.follow()) {
  console.log(phase, files?.done ?? 0);
  if (phase !== 'needs-attention') continue;
  console.log(trouble);
  await weekly.finishIncomplete({ reason: 'no more files tonight' });
  break;
}
try {
  console.log(await weekly.result());
} catch (error) {
  if (!(error instanceof ExportFailure)) throw error;
  console.log(error.code, error.details?.missing, error.details?.partialManifest);
}
await connection.close();
