import { config, connection, namespace } from './worker-setup.ts';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { createWorkers, traceIds } from 'fhir-bulk-export/worker';

const spanProcessors = [new BatchSpanProcessor(new OTLPTraceExporter())];
const provider = new NodeTracerProvider({ idGenerator: traceIds, spanProcessors });
provider.register();
const workers = await createWorkers({ connection, namespace, config, traces: true });
await workers.run();
await provider.shutdown();
await connection.close();
