import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DeviceKeyRefused, DeviceProofRequired } from '../errors.ts';
import { logEvent } from '../http/security-events.ts';
import { AuthFailure } from '../sessions/auth-failure.ts';
import { ProofRequired } from '../sessions/bound-sessions.ts';
import type { Session } from '../sessions/session.ts';
import type { CreatedSession } from '../sessions/session-manager.ts';
import type { DeviceBound } from './device-bound-options.ts';
import { kSession, type SessionContext } from './session-context.ts';
import { setSessionCookie } from './session-cookie.ts';
import { logAuthFailure, logFields, MAX_TOKENS, unauthenticated, usableTokens } from './session-outcomes.ts';

// Device Bound Session Credentials (W3C draft): a browser registers a key after the sign-in, and proves for each new token
// that it has the key.

/** What the browser gets in place of the reply of the handler. */
const kInstructions = Symbol('instructions');

declare module 'fastify' {
  interface FastifyReply {
    [kInstructions]?: object;
  }
}

/** Headers that describe the reply of the handler. An earlier hook may have compressed it. */
const OF_THE_PAYLOAD = ['content-encoding', 'content-length', 'etag', 'last-modified', 'location'];

/** Sends the instructions for the browser, also if the handler replies with something else. The browser would end the session. */
export function sendInstructions(app: FastifyInstance): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    const instructions = reply[kInstructions];
    if (instructions === undefined || reply.statusCode >= 400) {
      done(null, payload);
      return;
    }
    for (const name of OF_THE_PAYLOAD) {
      reply.removeHeader(name);
    }
    reply.code(200).header('content-type', 'application/json; charset=utf-8');
    done(null, JSON.stringify(instructions));
  });
}

/** Warns at start if the app has no route where browsers can refresh: they could not register a key either. */
export function warnOfMissingRoute(app: FastifyInstance, { refreshPath }: DeviceBound): void {
  app.addHook('onReady', async () => {
    // A proxy may have removed the start of the path.
    const paths = [...refreshPath.matchAll(/\//g)].map(({ index }) => refreshPath.slice(index));
    if (!paths.some((url) => app.hasRoute({ method: 'POST', url }))) {
      const fix = 'add a POST route that calls reply.refreshSession(), and pass its path as deviceBound.refreshPath';
      app.log.warn({ refreshPath, fix }, 'the app has no route for the refresh path, so no browser can bind a session');
    }
  });
}

/** Offers to the browser that has just signed in to bind the session. A browser without the feature ignores the header. */
export function offerBinding(
  reply: FastifyReply,
  { deviceBound, cookie }: SessionContext,
  { challenge }: CreatedSession,
): void {
  if (deviceBound !== undefined && challenge !== undefined && cookie.isSecure(reply.request)) {
    const { refreshPath } = deviceBound;
    reply.header('secure-session-registration', `(ES256);path="${refreshPath}";challenge="${challenge}"`);
  }
}

/**
 * Answers a request of the browser itself: the registration of a key, or a refresh with or without a proof. Returns
 * `undefined` if it is none of them.
 * @throws DeviceKeyRefused or DeviceProofRequired (403); Unauthenticated (401) if the session has ended; StoreUnavailable
 * (503).
 */
export async function answerBrowser(reply: FastifyReply, context: SessionContext): Promise<Session | undefined> {
  const { request } = reply;
  const id = headerOf(request, 'sec-secure-session-id')?.replace(/^"(.*)"$/, '$1');
  const proof = headerOf(request, 'secure-session-response');
  if (context.deviceBound === undefined || (id === undefined && proof === undefined)) {
    return undefined;
  }
  const session =
    id === undefined ? await register(reply, context, proof as string) : await refresh(reply, context, id, proof);
  reply[kInstructions] = instructionsFor(request, context, session);
  request[kSession] = session;
  return session;
}

async function register(reply: FastifyReply, context: SessionContext, proof: string): Promise<Session> {
  const { request } = reply;
  const outcome = await context.manager.bound.register(proof);
  if (outcome instanceof AuthFailure) {
    logAuthFailure(request, outcome);
    throw new DeviceKeyRefused();
  }
  logEvent(request, 'device_bound_registered', logFields(outcome.session));
  return setSessionCookie(reply, context, outcome);
}

async function refresh(
  reply: FastifyReply,
  context: SessionContext,
  id: string,
  proof: string | undefined,
): Promise<Session> {
  const { request } = reply;
  const tokens = usableTokens(context.cookie.read(request)).slice(0, MAX_TOKENS);
  const outcome = await context.manager.bound.refresh(id, proof, tokens);
  if (outcome instanceof AuthFailure) {
    // No event: after each sign-out the browser asks once more.
    throw unauthenticated(request, outcome.reason);
  }
  if (outcome instanceof ProofRequired) {
    // The browser asks for a challenge without a proof.
    if (proof !== undefined) {
      logAuthFailure(request, new AuthFailure(outcome.reason, outcome.session));
    }
    reply.header('secure-session-challenge', `"${outcome.challenge}";id="${id}"`);
    throw new DeviceProofRequired();
  }
  if (!('token' in outcome)) {
    return outcome;
  }
  logEvent(request, 'device_bound_refreshed', logFields(outcome.session));
  return setSessionCookie(reply, context, outcome);
}

/** What the browser keeps about the session. The attributes of the cookie must equal those in `Set-Cookie`. */
function instructionsFor(request: FastifyRequest, { cookie, deviceBound }: SessionContext, { id }: Session): object {
  const { refreshPath, initiators } = deviceBound as DeviceBound;
  return {
    session_identifier: id,
    refresh_url: refreshPath,
    scope: { include_site: false },
    credentials: [{ type: 'cookie', ...cookie.describe(request) }],
    ...(initiators.length > 0 && { allowed_refresh_initiators: initiators }),
  };
}

function headerOf({ headers }: FastifyRequest, name: string): string | undefined {
  return headers[name] as string | undefined;
}
