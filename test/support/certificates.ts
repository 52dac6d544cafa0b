import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a certificate and its key. */
export interface Certificate {
  cert: string;
  key: string;
}

/** A private certificate authority with a server's and a client's certificate, made anew for a test run. */
export function makeCertificates(folder: string): { ca: string; server: Certificate; client: Certificate } {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  };
  const key = (name: string): string => {
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
    return join(folder, `${name}.key`);
  };
  const caKey = key('ca');
  openssl('req', '-x509', '-new', '-key', caKey, '-subj', '/CN=Test CA', '-days', '2', '-out', 'ca.pem');
  writeFileSync(join(folder, 'names.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.hospital.example\n');
  const sign = (name: string): Certificate => {
    const own = key(name);
    openssl('req', '-new', '-key', own, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    const by = ['-CA', 'ca.pem', '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', 'names.ext'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.pem`);
    return { cert: join(folder, `${name}.pem`), key: own };
  };
  return { ca: join(folder, 'ca.pem'), server: sign('server'), client: sign('client') };
}

export function readPems({ cert, key }: Certificate): { cert: string; key: string } {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}
