import type { ExportOperation } from '../contract.ts';

/** How one parameter of an operation is typed, whether it may be given several times, and what it may say. */
export interface ParameterRule {
  /** Type of `Parameters.parameter.value[x]`. `code` becomes `Coding` in IG 4. */
  type: 'string' | 'instant' | 'code' | 'reference' | 'boolean' | 'positiveInt' | 'canonical';
  list: boolean;
  /** Values that specifications define; servers may have others. */
  known?: readonly string[];
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
  /** `auto`: as the server and the parameters want it. */
  method: 'auto' | 'post';
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
  includeAssociatedData: { type: 'code', list: true, isSpare: true },
  _typeFilter: { type: 'string', list: true },
  organizeOutputBy: { type: 'string', list: false, isSpare: true },
  allowPartialManifests: { type: 'boolean', list: false, isSpare: true },
  _minimumFileSize: { type: 'positiveInt', list: false, isSpare: true },
  _maximumFileSize: { type: 'positiveInt', list: false, isSpare: true },
};

/**
 * Values of `exportType`: Da Vinci PDex 2.2 (provider access, payer to payer) and Da Vinci ATR (member lists). Other
 * versions and payers have other ones, such as `hl7.fhir.us.davinci-pdex#provider-payer`.
 */
export const EXPORT_TYPES: readonly string[] = [
  'hl7.fhir.us.davinci-pdex#provider-delta',
  'hl7.fhir.us.davinci-pdex#provider-download',
  'hl7.fhir.us.davinci-pdex#provider-snapshot',
  'hl7.fhir.us.davinci-pdex#payertopayer',
  'hl7.fhir.us.davinci-atr',
];

/** Parameters of `$davinci-data-export`. Source: Da Vinci PDex 2.2, Da Vinci Data Export Parameter Handling. */
const DAVINCI_PARAMETERS: Readonly<Record<string, ParameterRule>> = {
  exportType: {
    type: 'canonical',
    list: false,
    known: EXPORT_TYPES,
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
    method: 'auto',
    parameters: EXPORT_PARAMETERS,
    definition: /\/OperationDefinition\/(?:(group|patient)-)?export(?:\|.*)?$/,
    declaredName: /^\$?(?:(group|patient)-)?export$/,
    // A server may offer `export` and `export-v4` side by side (Bulk Data IG 4.0-ballot).
    urlName: /^export[A-Za-z0-9-]{0,40}$/,
  },
  'davinci-data-export': {
    levels: ['group'],
    method: 'post',
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
