import { Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

/** What examples take as given. */
const { connectionOptions, namespace: named = 'default' } = loadClientConnectConfig();
export const connection = await Connection.connect(connectionOptions);
export const namespace = named;
