import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { program } from './programs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The paths of a self-signed certificate and its key. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** One file with both, for HAProxy. */
  readonly both: string;
}

/** Makes a self-signed certificate for these host names. Skips the test if openssl is not installed. */
export function selfSigned(t: Test, hosts: readonly string[]): Certificate | undefined {
  const openssl = program(t, 'openssl');
  if (openssl === undefined) {
    return undefined;
  }
  const dir = temporaryDirectory(t);
  const [cert, key, both] = [`${dir}/cert.pem`, `${dir}/key.pem`, `${dir}/both.pem`];
  const names = `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(',')}`;
  const subject = ['-subj', `/CN=${hosts[0]}`, '-addext', names];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
  execFileSync(openssl, ['req', '-x509', '-days', '1', ...subject, ...newKey, '-out', cert], { stdio: 'ignore' });
  writeFileSync(both, `${readFileSync(cert)}${readFileSync(key)}`);
  return { cert, key, both };
}
