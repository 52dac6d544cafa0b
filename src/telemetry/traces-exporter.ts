import { setTimeout as delay } from 'node:timers/promises';
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Logger } from 'pino';
import { Secret } from '../process/secret.ts';
import { errorType } from '../http/network-error.ts';
import { packageVersion } from '../process/package-version.ts';
import type { TracesConfig } from './addresses.ts';
import { headersOf } from './collector-headers.ts';
import { traceIds } from './run-spans.ts';

/** Milliseconds for which the collector is waited for: for one answer, and in all when the process ends. */
const ANSWER = 5000;
const END = 3000;

type Done = Parameters<SpanExporter['export']>[1];

/** What exports the spans of this process. */
export interface Traces {
  /** Sends what is left; takes a few seconds at most. */
  close(): Promise<void>;
}

/**
 * Has the spans of this process exported, as the process's own tracer provider. A collector that cannot be reached costs
 * spans, and nothing else: those that wait are few, and the oldest ones are sent in the background.
 *
 * The standard variables of OpenTelemetry say the rest, such as `OTEL_SERVICE_NAME` and `OTEL_EXPORTER_OTLP_HEADERS`.
 *
 * @param logger is told when the collector begins to fail, and when it takes spans again
 */
export function startTraces(config: TracesConfig, logger: Pick<Logger, 'warn' | 'info'>): Traces {
  const { url, headersFile: file, headersEnv: env } = typeof config === 'string' ? { url: config } : config;
  const secret = file === undefined && env === undefined ? undefined : new Secret({ file, env });
  let headers: Record<string, string> = {};
  const exporter = new OTLPTraceExporter({
    url: tracesUrl(url),
    // It must not throw, so they are read before.
    headers: () => Promise.resolve(headers),
    ...(isTimeoutSet() ? {} : { timeoutMillis: ANSWER }),
  });
  const readHeaders = async (): Promise<void> => {
    if (secret !== undefined) headers = headersOf(await secret.text());
  };
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'fhir-bulk-export', 'service.version': packageVersion() }))
      // No detector of hosts or processes: arguments and paths are nobody's business.
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new WatchedExporter(exporter, readHeaders, logger))],
    idGenerator: traceIds,
  });
  provider.register();
  return {
    close: async () => {
      const end = new AbortController();
      await Promise.race([
        provider.shutdown().catch(() => {}),
        delay(END, undefined, { signal: end.signal }).catch(() => {}),
      ]);
      end.abort();
    },
  };
}

/** As OpenTelemetry makes it of `OTEL_EXPORTER_OTLP_ENDPOINT`; the whole address may stand there, too. */
function tracesUrl(collector: string): string {
  const url = new URL(collector);
  if (!url.pathname.endsWith('/v1/traces')) url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  return url.href;
}

function isTimeoutSet(): boolean {
  return ['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT'].some(
    (variable) => (process.env[variable] ?? '') !== '',
  );
}

/** Prepares each export, and tells when they begin to fail, and when they succeed again. */
class WatchedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #prepare: () => Promise<void>;
  readonly #logger: Pick<Logger, 'warn' | 'info'>;
  #fails = false;

  constructor(exporter: SpanExporter, prepare: () => Promise<void>, logger: Pick<Logger, 'warn' | 'info'>) {
    this.#exporter = exporter;
    this.#prepare = prepare;
    this.#logger = logger;
  }

  export(spans: ReadableSpan[], done: Done): void {
    const tellAndDone: Done = (result) => {
      this.#tell(result.error);
      done(result);
    };
    this.#prepare().then(
      () => this.#exporter.export(spans, tellAndDone),
      (error: Error) => tellAndDone({ code: ExportResultCode.FAILED, error }),
    );
  }

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }

  #tell(error: Error | undefined): void {
    const fails = error !== undefined;
    if (fails === this.#fails) return;
    this.#fails = fails;
    // Its kind, or the status of the answer: the answer itself could quote what was sent.
    if (fails) this.#logger.warn({ reason: reasonOf(error) }, 'traces cannot be exported; exports go on without');
    else this.#logger.info('traces are exported again');
  }
}

function reasonOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' ? `HTTP ${code}` : errorType(error);
}
