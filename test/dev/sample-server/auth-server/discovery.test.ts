import { describe, expect, test } from 'vitest';
import { call, start, wellKnown } from './auth-servers.ts';

describe('discovery', () => {
  test.each(['smart', 'capability', 'none'] as const)('%s', async (discovery) => {
    const started = await start({ discovery }, { basePath: '/a/fhir/r4' });
    const { baseUrl } = started.server;
    const url = started.auth.tokenUrl(baseUrl);
    expect(url).toBe(`${new URL(baseUrl).origin}/auth/token`);
    const document = await wellKnown(started);
    expect(document.status).toBe(discovery === 'smart' ? 200 : 404);
    if (discovery === 'smart') {
      expect(document.headers['content-type']).toBe('application/json');
      expect(JSON.parse(document.text)).toEqual({
        token_endpoint: url,
        grant_types_supported: ['client_credentials'],
        token_endpoint_auth_methods_supported: ['private_key_jwt'],
        token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
        scopes_supported: ['system/*.read', 'system/*.rs'],
        capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
      });
      expect((await call(`${new URL(baseUrl).origin}/.well-known/smart-configuration`)).status).not.toBe(200);
    }
    const metadata = await call(`${baseUrl}/metadata`);
    const { rest } = JSON.parse(metadata.text) as { rest: { security?: unknown }[] };
    expect(metadata.text.includes(url)).toBe(discovery === 'capability');
    if (discovery === 'capability') {
      expect(rest[0]?.security).toMatchObject({
        extension: [
          {
            url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
            extension: [{ url: 'token', valueUri: url }],
          },
        ],
      });
    }
  });
});
