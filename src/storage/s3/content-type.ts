/** The type of an object, by its key: readers may come by way of other tools that look at it. */
export function contentType(key: string): { ContentType?: string } {
  if (key.endsWith('.ndjson')) return { ContentType: 'application/fhir+ndjson' };
  return key.endsWith('.json') ? { ContentType: 'application/json' } : {};
}
