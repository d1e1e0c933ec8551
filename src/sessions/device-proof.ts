import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import type { PublicKey } from './session.ts';

/**
 * A proof that a browser has the key of a session: a JWT that the key signs (Device Bound Session Credentials, W3C draft,
 * "DBSC proof"). The signature is not verified yet.
 */
export interface DeviceProof {
  /** The challenge that the browser has signed: the claim `jti`. */
  readonly challenge: string;
  /** The key in the header, which the browser sends only to register it. */
  readonly key: PublicKey | undefined;
  /** The part of the JWT that is signed. */
  readonly signed: string;
  readonly signature: string;
}

/** A proof of Chrome has about 450 characters. */
const MAX_LENGTH = 2048;
/** Three parts in base64url. A signature of ES256 has 64 bytes (RFC 7518, section 3.4). */
const JWT = /^(([\w-]+)\.([\w-]+))\.([\w-]{86})$/;
/** A coordinate of P-256: 32 bytes in base64url. */
const COORDINATE = /^[\w-]{43}$/;

/**
 * Parses a proof. Returns `undefined` unless it is a JWT of the type `dbsc+jwt` with the algorithm ES256. The draft shows the
 * value of the header in quotes; Chrome sends it without them.
 */
export function parseProof(text: string): DeviceProof | undefined {
  const jwt = text.length > MAX_LENGTH ? null : JWT.exec(text.replace(/^"(.*)"$/, '$1'));
  if (jwt === null) {
    return undefined;
  }
  const [, signed, header, payload, signature] = jwt as unknown as [string, string, string, string, string];
  const { typ, alg, crit, jwk } = parseJson(header);
  const { jti } = parseJson(payload);
  // An extension that must be understood (RFC 7515, section 4.1.11) is not understood.
  if (typ !== 'dbsc+jwt' || alg !== 'ES256' || crit !== undefined || typeof jti !== 'string') {
    return undefined;
  }
  return { challenge: jti, key: toPublicKey(jwk), signed, signature };
}

/** Whether the proof was signed with the private key of this public key. */
export function isSignedBy({ signed, signature }: DeviceProof, key: PublicKey): boolean {
  const publicKey = importKey(key);
  return (
    publicKey !== undefined &&
    verify(
      'sha256',
      Buffer.from(signed),
      { key: publicKey, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    )
  );
}

/** Takes the coordinates only: a key may hold more, also a private part. */
function toPublicKey(jwk: unknown): PublicKey | undefined {
  const { kty, crv, x, y } = Object(jwk) as JsonWebKey;
  const isKey = kty === 'EC' && crv === 'P-256' && isCoordinate(x) && isCoordinate(y);
  return isKey ? { x, y } : undefined;
}

function isCoordinate(value: unknown): value is string {
  return typeof value === 'string' && COORDINATE.test(value);
}

/** Returns `undefined` if the point is not on the curve. */
function importKey({ x, y }: PublicKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** The JSON object in a part of a JWT. It has no properties if the part is no object. */
function parseJson(part: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(Buffer.from(part, 'base64url').toString()));
  } catch {
    return {};
  }
}
