import { describe, expect, test } from 'vitest';
import { ask, assertion, call, formType, jwtBearer, start, wellKnown } from './auth-servers.ts';

describe('faults', () => {
  test('reach the token endpoint and the SMART configuration', async () => {
    const started = await start();
    const { faults } = started.server;
    faults.add({ route: ['token', 'smartConfiguration'], times: 2, do: { kind: 'answer', status: 429, body: '{}' } });
    faults.add({ route: 'token', skip: 1, do: { kind: 'drop' } });
    faults.add({ route: 'smartConfiguration', skip: 1, do: { kind: 'headers', set: { date: 'yesterday' } } });
    faults.add({ route: 'smartConfiguration', skip: 2, do: { kind: 'delay', ms: 100 } });
    expect((await ask(started)).status).toBe(429);
    expect((await wellKnown(started)).status).toBe(429);
    await expect(ask(started)).rejects.toThrow();
    expect((await wellKnown(started)).headers['date']).toBe('yesterday');
    const before = Date.now();
    expect((await wellKnown(started)).status).toBe(200);
    expect(Date.now() - before).toBeGreaterThan(90);
    expect(started.auth.requests).toEqual([]);
    faults.add({ route: 'token', do: { kind: 'dropAfterEffect' } });
    await expect(ask(started)).rejects.toThrow();
    expect(started.auth.requests).toMatchObject([{ ok: true }]);
    faults.add({ route: 'token', do: { kind: 'redirect', to: 'same' } });
    const signed = await assertion(started);
    const { auth, server } = started;
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      scope: 'system/*.rs',
      client_assertion: signed,
      client_assertion_type: jwtBearer,
    }).toString();
    const post = { method: 'POST', headers: formType, body } as const;
    const redirect = await call(auth.tokenUrl(server.baseUrl), post);
    expect(redirect.status).toBe(307);
    expect((await call(String(redirect.headers['location']), post)).status).toBe(200);
  });
});
