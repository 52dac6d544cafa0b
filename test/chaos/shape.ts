import type { FhirBulkVersion, SampleServerOptions } from '../../dev/sample-server/index.ts';
import type { ExportRequest } from '../../src/contract.ts';
import type { Chance } from './chance.ts';

/** What an export and its FHIR server are like. */
export interface Shape {
  level: 'system' | 'patient' | 'group';
  types?: string[];
  version: FhirBulkVersion;
  /** Files are offered while the server still writes others. */
  partial: boolean;
  patients: number;
  linesPerFile: number;
  /** Files of one manifest page. */
  pageSize?: number;
  gzip: boolean;
  /** Files need the token; otherwise their links are signed. */
  needsToken: boolean;
  filesOrigin: 'same' | 'other';
  /** Bytes per second and connection, before compression. */
  rate: number;
  polls: number;
  /** Seconds. */
  retryAfter: number;
  /** Seconds. */
  tokenLifetime: number;
  keepServerFiles: boolean;
  /** The server has something to say in an error file. */
  issues: boolean;
}

const TYPES = ['Patient', 'Observation', 'Condition', 'Encounter', 'MedicationRequest', 'DocumentReference'];
/** What one patient brings in all, in bytes, and the connections over which it comes: for a rate that fits. */
const BYTES_PER_PATIENT = 22_000;
const CONNECTIONS = 5;

/** A shape whose downloads take some seconds. */
export function drawShape(chance: Chance): Shape {
  const version = chance.pick<FhirBulkVersion>([2, 3, 3, 4]);
  const partial = version >= 3 && chance.happens(0.35);
  const patients = chance.between(25, 70);
  const seconds = chance.between(2, 5);
  return {
    level: chance.pick(['system', 'patient', 'group']),
    ...(chance.happens(0.3) ? { types: ['Observation', chance.pick(TYPES), chance.pick(TYPES)] } : {}),
    version,
    partial,
    patients,
    linesPerFile: chance.pick([40, 80, 400]),
    ...(version >= 3 && chance.happens(0.5) ? { pageSize: chance.between(3, 8) } : {}),
    gzip: chance.happens(0.3),
    needsToken: chance.happens(0.5),
    filesOrigin: chance.pick(['same', 'other']),
    rate: Math.round((BYTES_PER_PATIENT * patients) / CONNECTIONS / seconds),
    polls: partial ? chance.between(2, 4) : chance.between(0, 2),
    retryAfter: chance.between(1, 2),
    tokenLifetime: chance.between(5, 12),
    keepServerFiles: chance.happens(0.15),
    issues: chance.happens(0.3),
  };
}

/** Bytes per second and connection on the wire; fewer for compressed data, which are a tenth. */
export function rateOf({ gzip, rate }: Shape): number {
  return gzip ? Math.ceil(rate / 3) : rate;
}

/** Options of the FHIR server of this shape. */
export function serverOptions(shape: Shape): SampleServerOptions {
  const { version, patients, linesPerFile, pageSize, gzip, needsToken, filesOrigin, polls, retryAfter } = shape;
  return {
    version,
    patients,
    linesPerFile,
    ...(pageSize === undefined ? {} : { pageSize }),
    throttleBytesPerSecond: rateOf(shape),
    gzip,
    requiresAccessToken: needsToken,
    filesOrigin,
    pollsUntilReady: polls,
    retryAfter: String(retryAfter),
    ...(shape.issues
      ? { messages: [{ severity: 'warning', code: 'incomplete', text: 'Scans are not exported' }] }
      : {}),
  };
}

/** The request of this shape. */
export function requestOf(shape: Shape, server: string, destination: { name: string; path: string }): ExportRequest {
  const types = shape.types === undefined ? {} : { _type: [...new Set(shape.types)] };
  return {
    server,
    ...(shape.level === 'group' ? { level: shape.level, groupId: 'all' } : { level: shape.level }),
    parameters: { ...types, ...(shape.partial ? { allowPartialManifests: true } : {}) },
    destination,
    keepServerFiles: shape.keepServerFiles,
  };
}
