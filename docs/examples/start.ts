import { Client, Connection } from '@temporalio/client';
import { EncryptionCodec } from './codec.js';
import type { nightlyCopy } from './workflows.js';

const { TEMPORAL_ADDRESS = 'localhost:7233', TEMPORAL_NAMESPACE: namespace, PAYLOAD_KEY = '' } = process.env;
const connection = await Connection.connect({ address: TEMPORAL_ADDRESS });
const client = new Client({
  connection,
  ...(namespace === undefined ? {} : { namespace }),
  dataConverter: { payloadCodecs: [new EncryptionCodec(Buffer.from(PAYLOAD_KEY, 'hex'))] },
});
const [server = 'hospital'] = process.argv.slice(2);
const result = await client.workflow.execute<typeof nightlyCopy>('nightlyCopy', {
  taskQueue: 'analytics',
  workflowId: `copy-of-${server}`,
  args: [{ server, level: 'patient', parameters: { _type: ['Patient'] } }],
});
console.log(result);
await connection.close();
