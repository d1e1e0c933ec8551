import { generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { cookieOf, sessionIdOf, USER1 } from './service.ts';

/** The name of the session cookie over HTTPS. */
export const HOST_COOKIE = '__Host-session_token';
/** The settings of a service that binds sessions. */
export const HTTPS = { PUBLIC_URL: 'https://login.example.com' };

/** What a test changes in a proof. */
export interface ProofChanges {
  readonly header?: object;
  readonly payload?: object;
}

/** A key as a browser has it, and the proofs that it signs. */
export function newDevice() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
  const jwk: JsonWebKey = { kty, crv, x, y } as JsonWebKey;
  /** The same as `prove`, with the public key, to register it. */
  const register = (challenge: string, { header, ...changes }: ProofChanges = {}) =>
    prove(challenge, { header: { jwk, ...header }, ...changes });
  const prove = (challenge: string, { header, payload }: ProofChanges = {}) =>
    signJwt({ alg: 'ES256', typ: 'dbsc+jwt', ...header }, { jti: challenge, ...payload });
  const signJwt = (header: unknown, payload: unknown) => {
    const text = [header, payload].map((part) => toBase64url(JSON.stringify(part))).join('.');
    return `${text}.${toBase64url(sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }))}`;
  };
  return { jwk, register, prove, signJwt };
}

export type Device = ReturnType<typeof newDevice>;

export function toBase64url(data: string | Buffer): string {
  return Buffer.from(data).toString('base64url');
}

/** The challenge in the header of a sign-in, or of a refresh. */
export function challengeOf({ headers }: LightMyRequestResponse): string {
  const header = String(headers['secure-session-registration'] ?? headers['secure-session-challenge']);
  const [, challenge] = /(?:^|challenge=)"([^"]+)"/.exec(header) ?? [];
  if (challenge === undefined) {
    throw new Error(`no challenge in ${header}`);
  }
  return challenge;
}

/** The headers of a refresh by a browser. */
export interface Refresh {
  readonly id?: string;
  readonly proof?: string;
  readonly cookie?: string;
}

/** Sends a refresh as Chrome does. */
export function refreshBy(app: FastifyInstance, { id, proof, cookie }: Refresh): Promise<LightMyRequestResponse> {
  const headers = {
    ...(id !== undefined && { 'sec-secure-session-id': id }),
    ...(proof !== undefined && { 'secure-session-response': proof }),
    ...(cookie !== undefined && { cookie }),
  };
  return app.inject({ method: 'POST', url: '/refresh', headers });
}

/** Signs in at a service that binds sessions. */
export async function signInForBinding(app: FastifyInstance, credentials = USER1) {
  const response = await app.inject({ method: 'POST', url: '/signin', payload: credentials });
  const cookie = cookieOf(response, HOST_COOKIE);
  return { cookie, id: sessionIdOf(cookie), challenge: challengeOf(response) };
}

/** Signs in and binds the session to a new key. */
export async function bind(app: FastifyInstance, credentials = USER1) {
  const device = newDevice();
  const { cookie: first, id, challenge } = await signInForBinding(app, credentials);
  const response = await refreshBy(app, { proof: device.register(challenge), cookie: first });
  return { device, id, first, cookie: cookieOf(response, HOST_COOKIE), response };
}

/** Has a challenge of the session signed, and sends the proof. */
export async function proveAndRefresh(app: FastifyInstance, { id, device }: { id: string; device: Device }) {
  const refused = await refreshBy(app, { id });
  return refreshBy(app, { id, proof: device.prove(challengeOf(refused)) });
}
