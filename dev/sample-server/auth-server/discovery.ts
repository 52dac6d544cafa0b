import type { AuthSettings } from './options.ts';

/** The document at `.well-known/smart-configuration` (SMART App Launch 2.2, conformance). */
export function smartConfiguration(tokenUrl: string, settings: AuthSettings): Record<string, unknown> {
  const { clients, algorithms, permission } = settings;
  const keys = clients.some(({ jwks }) => jwks !== undefined);
  const secrets = clients.some(({ clientSecret }) => clientSecret !== undefined);
  return {
    token_endpoint: tokenUrl,
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: [
      ...(keys ? ['private_key_jwt'] : []),
      ...(secrets ? ['client_secret_basic', 'client_secret_post'] : []),
    ],
    ...(keys && { token_endpoint_auth_signing_alg_values_supported: algorithms }),
    scopes_supported: permission.map((one) => (one === 'permission-v1' ? 'system/*.read' : 'system/*.rs')),
    capabilities: [
      ...(keys ? ['client-confidential-asymmetric'] : []),
      ...(secrets ? ['client-confidential-symmetric'] : []),
      ...permission,
    ],
  };
}

/** `CapabilityStatement.rest.security` as SMART 1 has it. */
export function oauthUris(tokenUrl: string): Record<string, unknown> {
  const system = 'http://terminology.hl7.org/CodeSystem/restful-security-service';
  return {
    extension: [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: [{ url: 'token', valueUri: tokenUrl }],
      },
    ],
    service: [{ coding: [{ system, code: 'SMART-on-FHIR' }] }],
  };
}
