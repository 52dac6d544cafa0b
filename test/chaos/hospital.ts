import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type {
  AuthServer,
  ExpectedFile,
  FaultRule,
  JobSummary,
  JournalEntry,
  SampleServer,
} from '../../dev/sample-server/index.ts';
import { createAuthServer, startSampleServer } from '../../dev/sample-server/index.ts';
import type { TestKey } from '../support/keys.ts';
import type { Shape } from './shape.ts';
import { serverOptions } from './shape.ts';

/** A request with the moment at which its connection was done with it; undefined while it is not. */
export type Request = JournalEntry & { closedAt?: number };

/** The FHIR server of one export, which can go away in parts or as a whole. */
export class Hospital {
  readonly name: string;
  readonly shape: Shape;
  readonly authServer: AuthServer;
  readonly #folder: string;
  readonly #past: JournalEntry[] = [];
  readonly #closedAt = new Map<JournalEntry, number>();
  #server: SampleServer | undefined;
  #last: SampleServer | undefined;
  #ports: { port: number; otherPort: number } | undefined;
  #tokenEndpointDown = 0;
  #filesDown = 0;
  /** Changes of one server wait for one another. */
  #queue: Promise<void> = Promise.resolve();

  private constructor(name: string, shape: Shape, folder: string, key: TestKey) {
    this.name = name;
    this.shape = shape;
    this.#folder = folder;
    this.authServer = createAuthServer({ jwks: { keys: [key.publicJwk] }, lifetime: shape.tokenLifetime });
  }

  static async start(name: string, shape: Shape, folder: string, key: TestKey): Promise<Hospital> {
    const hospital = new Hospital(name, shape, folder, key);
    await hospital.#open();
    return hospital;
  }

  /** `baseUrl` and `fileOrigins` for the configuration. */
  get entry(): { baseUrl: string; fileOrigins: string[] } {
    const { baseUrl, otherOrigin } = this.#latest;
    return { baseUrl, fileOrigins: this.shape.needsToken ? [otherOrigin] : [] };
  }

  /** All requests so far, oldest first. */
  get requests(): Request[] {
    const all = [...this.#past, ...(this.#server?.journal ?? [])];
    return all.map((entry) => {
      const closedAt = this.#closedAt.get(entry);
      return closedAt === undefined ? entry : { ...entry, closedAt };
    });
  }

  get jobs(): JobSummary[] {
    return this.#latest.jobs();
  }

  expectedFiles(jobId: string): ExpectedFile[] {
    return this.#latest.expectedFiles(jobId);
  }

  addFault(rule: FaultRule): void {
    this.#server?.faults.add(rule);
  }

  expireLinks(status: 403 | 404 | 410): void {
    if (this.#latest.jobs().length > 0) this.#server?.expireFileUrls(status);
  }

  /** Closes both ports, or that of the files only. */
  goDown(time: number, which?: 'other'): Promise<void> {
    return this.#inTurn(async () => {
      await this.#latest.goAway(which);
      await sleep(time);
      await this.#latest.comeBack();
    });
  }

  /** Ends and starts again with nothing but its state file. */
  restart(down: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#shut();
      await sleep(down);
      await this.#open();
    });
  }

  async tokenEndpointDown(time: number): Promise<void> {
    this.#tokenEndpointDown++;
    await sleep(time);
    this.#tokenEndpointDown--;
  }

  /** No request for a file is answered; those that are being answered go on. */
  async filesDown(time: number): Promise<void> {
    this.#filesDown++;
    await sleep(time);
    this.#filesDown--;
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#shut();
  }

  get #latest(): SampleServer {
    return (this.#server ?? this.#last) as SampleServer;
  }

  async #inTurn(action: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(action);
    await this.#queue;
  }

  async #shut(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#last = server;
    await server.close();
    this.#past.push(...server.journal);
    this.#server = undefined;
  }

  async #open(): Promise<void> {
    const server = await startSampleServer({
      ...serverOptions(this.shape),
      ...this.#ports,
      dataFolder: join(this.#folder, 'data'),
      stateFile: join(this.#folder, 'state.json'),
      authorization: this.authServer,
      onRequest: (entry) => this.#closedAt.set(entry, Date.now()),
    });
    this.#server = server;
    this.#ports = { port: portOf(server.baseUrl), otherPort: portOf(server.otherOrigin) };
    const drop = { times: Infinity, do: { kind: 'drop' } } as const;
    server.faults.add({ ...drop, route: ['token', 'smartConfiguration'], match: () => this.#tokenEndpointDown > 0 });
    server.faults.add({ ...drop, route: 'file', match: () => this.#filesDown > 0 });
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
