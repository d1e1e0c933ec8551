import type { FastifyInstance, RouteOptions } from 'fastify';
import { optionalSession, requireBoundSession, requireRecentSignIn, requireSession } from './session-guards.ts';

/** The hooks of a route that run after its handler. */
const LATE_STAGES = ['preSerialization', 'onSend', 'onResponse', 'onError', 'onTimeout'] as const;
const GUARDS: ReadonlySet<unknown> = new Set([
  requireSession,
  requireRecentSignIn,
  requireBoundSession,
  optionalSession,
]);

/**
 * Refuses guards that would run after the handler, as hooks of routes and of scopes: that is too late, and Fastify skips
 * preSerialization for texts and streams.
 */
export function refuseLateGuards(app: FastifyInstance): void {
  app.addHook('onRoute', refuseOfRoute);
  refuseOfScopes(app);
}

function refuseOfRoute(route: RouteOptions): void {
  for (const stage of LATE_STAGES) {
    if ([route[stage]].flat().some((hook) => GUARDS.has(hook))) {
      throw lateGuard(stage, route.url);
    }
  }
}

/** Covers this scope and those inside. Fastify has no hook that sees their hooks. */
function refuseOfScopes(app: FastifyInstance): void {
  const addHook = app.addHook as (name: string, hook: unknown) => FastifyInstance;
  app.addHook = function (this: FastifyInstance, name: string, hook: unknown) {
    if (GUARDS.has(hook) && LATE_STAGES.some((stage) => stage === name)) {
      throw lateGuard(name, 'a scope');
    }
    return addHook.call(this, name, hook);
  } as typeof app.addHook;
}

function lateGuard(stage: string, where: string): TypeError {
  return new TypeError(`A guard is the ${stage} hook of ${where}: use onRequest, which runs before the handler.`);
}
