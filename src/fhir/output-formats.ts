/** Values of `_outputFormat` that every server knows (Bulk Data IG 1.0 to 4.0-ballot): they all mean NDJSON. */
export const NDJSON_FORMATS = ['application/fhir+ndjson', 'application/ndjson', 'ndjson'] as const;

/** NDJSON in files that are gzip themselves, whatever their HTTP headers say (Aidbox). */
export const GZIPPED_NDJSON = 'application/fhir+ndjson+gzip';
