/** Value of one export parameter; a list where FHIR allows several. */
export type ParameterValue = string | boolean | number | readonly (string | boolean | number)[];

/**
 * Parameters of `$export` by FHIR's own names (Bulk Data IG 1.0 to 4.0-ballot); any other name that begins with `_` is
 * sent as given. A boolean or number may also be given as text.
 */
export type ExportParameters = {
  /** Resource types; one text may name several, separated by commas. */
  _type?: string | readonly string[];
  /** Instants such as `2026-01-01T00:00:00Z`. */
  _since?: string;
  _until?: string;
  /** Searches such as `Observation?category=laboratory`; each text is one. */
  _typeFilter?: string | readonly string[];
  /** `[ResourceType].[element]` or `[element]`. */
  _elements?: string | readonly string[];
  /** The last one only where the server has it: files that are gzip themselves, and are stored unpacked. */
  _outputFormat?: 'application/fhir+ndjson' | 'application/ndjson' | 'ndjson' | 'application/fhir+ndjson+gzip';
  /** Bytes. */
  _minimumFileSize?: number | string;
  _maximumFileSize?: number | string;
  /** References such as `Patient/123`, or ids; not at level `system`. */
  patient?: string | readonly string[];
  includeAssociatedData?: string | readonly string[];
  /** A resource type. */
  organizeOutputBy?: string;
  allowPartialManifests?: boolean | 'true' | 'false';
  /** Of `davinci-data-export` only: what the data is for, such as `hl7.fhir.us.davinci-pdex#provider-download`. */
  exportType?: string;
  [serversOwn: `_${string}`]: ParameterValue;
};
