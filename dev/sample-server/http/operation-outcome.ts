/** One issue of an OperationOutcome; `code` from the FHIR issue-type code system. */
export type Message = {
  severity: 'fatal' | 'error' | 'warning' | 'information' | 'success';
  code: string;
  text: string;
};

/** An OperationOutcome resource as JSON text. */
export function operationOutcome(...messages: Message[]): string {
  return JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: messages.map(({ severity, code, text }) => ({ severity, code, details: { text }, diagnostics: text })),
  });
}
