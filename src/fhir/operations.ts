import type { ExportOperation } from '../contract.ts';

/** How one parameter of an operation is typed, whether it may be given several times, and what it may say. */
export interface ParameterRule {
  /** Type of `Parameters.parameter.value[x]`. `code` becomes `Coding` in IG 4. */
  type: 'string' | 'instant' | 'code' | 'reference' | 'boolean' | 'positiveInt' | 'canonical';
  list: boolean;
  /** Values that are known from guides and servers; a server may have others, which `check` warns of. */
  known?: readonly string[];
  /** What may happen without it, for `check`. */
  wanted?: string;
  /**
   * Without it no more is exported than with it: it only shapes what comes, or adds to it. Lenient handling may leave it
   * out; every other parameter, and every one that nobody knows, may narrow the export.
   */
  isSpare?: true;
  /** Values that need another parameter beside them. */
  needs?: Readonly<Record<string, string>>;
}

/** An operation that exports: all in which one differs from another. Status, manifest and files are the same. */
export interface Operation {
  levels: readonly ('system' | 'patient' | 'group')[];
  /** Method where the server's settings say `auto`. */
  prefers: 'get' | 'post';
  /** The version of the Bulk Data guide that a statement declares as a whole is that of this operation, too. */
  ofBulkData: boolean;
  parameters: Readonly<Record<string, ParameterRule>>;
  /** Its canonical in a CapabilityStatement; the first group is the level, if it says one. */
  definition: RegExp;
  /** Its name there, where the canonical says nothing. */
  declaredName: RegExp;
  /** Names that it may have in the URL. */
  urlName: RegExp;
}

/** The parameters of `$export`: Bulk Data IG 1.0 to 4.0-ballot, and the async pattern's file sizes. */
const EXPORT_PARAMETERS: Readonly<Record<string, ParameterRule>> = {
  _outputFormat: { type: 'string', list: false, isSpare: true },
  _since: { type: 'instant', list: false },
  _until: { type: 'instant', list: false },
  _type: { type: 'string', list: true },
  _elements: { type: 'string', list: true },
  patient: { type: 'reference', list: true },
  includeAssociatedData: {
    type: 'code',
    list: true,
    isSpare: true,
    known: ['LatestProvenanceResources', 'RelevantProvenanceResources'],
  },
  _typeFilter: { type: 'string', list: true },
  organizeOutputBy: { type: 'string', list: false, isSpare: true },
  allowPartialManifests: { type: 'boolean', list: false, isSpare: true },
  _minimumFileSize: { type: 'positiveInt', list: false, isSpare: true },
  _maximumFileSize: { type: 'positiveInt', list: false, isSpare: true },
};

/**
 * Values of `exportType`: Da Vinci PDex 2.2 (provider access, payer to payer), Da Vinci ATR (member lists), and AWS
 * HealthLake (docs.aws.amazon.com, reference-fhir-operations-davinci-data-export, read on 2026-11-29). Other versions and
 * payers have other ones.
 */
const EXPORT_TYPES: readonly string[] = [
  'hl7.fhir.us.davinci-pdex#provider-delta',
  'hl7.fhir.us.davinci-pdex#provider-download',
  'hl7.fhir.us.davinci-pdex#provider-snapshot',
  'hl7.fhir.us.davinci-pdex#payertopayer',
  'hl7.fhir.us.davinci-pdex#provider-payer',
  'hl7.fhir.us.davinci-atr',
  'hl7.fhir.us.davinci-pdex',
  'hl7.fhir.us.davinci-pdex.p2p',
  'hl7.fhir.us.davinci-pdex.member',
];

/** Parameters of `$davinci-data-export`. Source: Da Vinci PDex 2.2, Da Vinci Data Export Parameter Handling. */
const DAVINCI_PARAMETERS: Readonly<Record<string, ParameterRule>> = {
  exportType: {
    type: 'canonical',
    list: false,
    known: EXPORT_TYPES,
    wanted: 'a payer may then export no more than the list of members, as AWS HealthLake does',
    // "the provider client SHALL supply the _since parameter"
    needs: { 'hl7.fhir.us.davinci-pdex#provider-delta': '_since' },
  },
  _outputFormat: { type: 'string', list: false, isSpare: true },
  _since: { type: 'instant', list: false },
  _until: { type: 'instant', list: false },
  _type: { type: 'string', list: true },
  _typeFilter: { type: 'string', list: true },
  patient: { type: 'reference', list: true },
};

/** The operations by the names that requests have for them. */
export const OPERATIONS = {
  export: {
    levels: ['system', 'patient', 'group'],
    prefers: 'get',
    ofBulkData: true,
    parameters: EXPORT_PARAMETERS,
    definition: /\/OperationDefinition\/(?:(group|patient)-)?export(?:\|.*)?$/,
    declaredName: /^\$?(?:(group|patient)-)?export$/,
    // A server may offer `export` and `export-v4` side by side (Bulk Data IG 4.0-ballot).
    urlName: /^export[A-Za-z0-9-]{0,40}$/,
  },
  'davinci-data-export': {
    levels: ['group'],
    // Da Vinci ATR 2.1 allows GET, too; PDex 2.2 knows POST only.
    prefers: 'post',
    ofBulkData: false,
    parameters: DAVINCI_PARAMETERS,
    definition: /\/OperationDefinition\/(?:(group)-)?davinci-data-export(?:\|.*)?$/,
    declaredName: /^\$?(?:(group)-)?davinci-data-export$/,
    urlName: /^davinci-data-export$/,
  },
} as const satisfies Record<ExportOperation, Operation>;

export type OperationName = keyof typeof OPERATIONS;

/** Names of all operations. */
export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];

/** Whether a request is for `$export`, which need not be named. */
export function isExport(operation: ExportOperation | undefined): boolean {
  return operation === undefined || operation === 'export';
}

/** Where an export is kicked off: a level of `$export`, or another operation. */
export type Endpoint = 'system' | 'patient' | 'group' | Exclude<OperationName, 'export'>;

/** All of them. */
export const ENDPOINTS = [
  ...OPERATIONS.export.levels,
  ...OPERATION_NAMES.filter((name) => name !== 'export'),
] as const satisfies readonly Endpoint[];

/** The endpoint of a request. */
export function endpointOf(level: 'system' | 'patient' | 'group', operation: ExportOperation = 'export'): Endpoint {
  return operation === 'export' ? level : operation;
}
