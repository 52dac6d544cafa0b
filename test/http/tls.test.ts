import { generateKeyPairSync, sign } from 'node:crypto';
import type { Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import type { HttpRequest } from '../../src/http/messages.ts';
import type { RequestRules } from '../../src/http/rules.ts';

const NO_RULES: RequestRules = { trustedHeaders: {}, trustedOrigins: new Set(), loopback: true };

describe('the wire', () => {
  const http = new HttpClient({ headers: 2000, body: 2000 });
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });
  afterAll(() => http.close());

  async function listen(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  function get(url: string, rules = NO_RULES): ReturnType<HttpClient['send']> {
    return http.send({ method: 'GET', url, headers: {} } satisfies HttpRequest, rules);
  }

  test('a certificate that nobody vouches for ends the connection, and nothing is sent', async () => {
    let requests = 0;
    const port = await listen(createSecureServer(selfSigned(), (_, response) => response.end(String(requests++))));
    await expect(get(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({
      name: 'NetworkError',
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
      maybeSent: false,
    });
    expect(requests).toBe(0);
  });

  test('a server that speaks no newer TLS than 1.1 is refused', async () => {
    // As of OpenSSL 3.5 (Node 24) a server can do without newer versions at the lowest security level only.
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const server = createSecureServer({ ...selfSigned(), ...old });
    const refusal = new Promise((resolve) =>
      server.on('tlsClientError', ({ code }: NodeJS.ErrnoException) => resolve(code)),
    );
    const port = await listen(server);
    await expect(get(`https://127.0.0.1:${port}/`)).rejects.toMatchObject({ name: 'NetworkError' });
    expect(await refusal).toBe('ERR_SSL_UNSUPPORTED_PROTOCOL');
  });

  test('an own certificate authority is believed, and our certificate is shown to trusted origins only', async () => {
    const [theirs, ours] = [selfSigned('localhost'), selfSigned('us')];
    const server = createSecureServer({ ...theirs, ca: ours.cert, requestCert: true, rejectUnauthorized: true });
    const port = await listen(server.on('request', (_, response) => response.end()));
    const url = `https://localhost:${port}`;
    const connection = { key: 'tests', ca: theirs.cert, cert: ours.cert, certKey: ours.key };
    const { status, body } = await get(url, {
      trustedHeaders: {},
      trustedOrigins: new Set([url]),
      loopback: true,
      connection,
    });
    await body.dump();
    expect(status).toBe(200);
    await expect(get(url, { ...NO_RULES, connection })).rejects.toMatchObject({ name: 'NetworkError' });
  });
});

/** A key and a certificate that it has signed for itself: X.509 version 1, written by hand because Node has no maker. */
function selfSigned(host = 'a test'): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = (tag: number, ...parts: Buffer[]): Buffer => {
    const content = Buffer.concat(parts);
    const { length } = content;
    return Buffer.concat([
      Buffer.from(length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff]),
      content,
    ]);
  };
  const [sequence, set] = [0x30, 0x31];
  const algorithm = der(sequence, Buffer.from('06082a8648ce3d040302', 'hex'));
  const commonName = der(sequence, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from(host)));
  const name = der(sequence, der(set, commonName));
  const times = ['200101000000Z', '491231235959Z'].map((time) => der(0x17, Buffer.from(time)));
  const signed = der(
    sequence,
    der(0x02, Buffer.from([1])),
    algorithm,
    name,
    der(sequence, ...times),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', signed, privateKey));
  const base64 = der(sequence, signed, algorithm, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  };
}
