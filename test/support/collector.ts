import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import { listenOnLoopback } from './listen.ts';

/** A span as an OpenTelemetry collector receives it. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** Empty: none. */
  parentSpanId: string;
  name: string;
  kind: number;
  /** 2 where it has failed. */
  status: number;
  /** Milliseconds. */
  duration: number;
  attributes: Record<string, string | number | boolean>;
  resource: Record<string, string | number | boolean>;
  events: unknown[];
}

/** A receiver of OTLP over HTTP, in JSON. */
export interface Collector {
  url: string;
  /** Bodies as they came. */
  bodies: string[];
  headers: IncomingHttpHeaders[];
  /** Status of the answers; `hang`: there are none. Default 200. */
  answer: number | 'hang';
  spans(): ReceivedSpan[];
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      collector.headers.push(request.headers);
      if (request.url?.split('?')[0] === '/v1/traces') collector.bodies.push(Buffer.concat(chunks).toString());
      if (collector.answer === 'hang') return;
      response.writeHead(collector.answer, { 'content-type': 'application/json' }).end('{}');
    });
  });
  const collector: Collector = {
    url: `http://127.0.0.1:${await listenOnLoopback(server)}`,
    bodies: [],
    headers: [],
    answer: 200,
    spans: () => collector.bodies.flatMap((body) => spansOf(JSON.parse(body) as Body)),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return collector;
}

interface Value {
  stringValue?: string;
  intValue?: number | string;
  doubleValue?: number;
  boolValue?: boolean;
}
type Attributes = { key: string; value: Value }[];
interface Body {
  resourceSpans: {
    resource: { attributes: Attributes };
    scopeSpans: {
      spans: {
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        name: string;
        kind: number;
        status?: { code?: number };
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        attributes: Attributes;
        events?: unknown[];
      }[];
    }[];
  }[];
}

function spansOf({ resourceSpans }: Body): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId = '', name, kind, status, attributes, events = [], ...times }) => ({
        traceId,
        spanId,
        parentSpanId,
        name,
        kind,
        status: status?.code ?? 0,
        duration: Number(BigInt(times.endTimeUnixNano) - BigInt(times.startTimeUnixNano)) / 1e6,
        attributes: plain(attributes),
        resource: plain(resource.attributes),
        events,
      })),
    ),
  );
}

function plain(attributes: Attributes): ReceivedSpan['attributes'] {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      stringValue ?? (intValue === undefined ? (doubleValue ?? boolValue ?? '') : Number(intValue)),
    ]),
  );
}
