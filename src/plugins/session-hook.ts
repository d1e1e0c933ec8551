import type {
  FastifyError,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  preHandlerAsyncHookHandler,
  preHandlerHookHandler,
} from 'fastify';
import { isThenable, type MaybePromise } from '../maybe-promise.ts';

/** A preHandler that may also be called, and awaited, by a handler or a hook. */
export type SessionHook = preHandlerHookHandler & preHandlerAsyncHookHandler;

/** A hook that goes on at once, unless it was given a promise to wait for. Called without `done` it returns a promise. */
export function asHook(
  check: (request: FastifyRequest, reply: FastifyReply) => MaybePromise<void>,
): SessionHook {
  function hook(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  function hook(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void;
  function hook(
    request: FastifyRequest,
    reply: FastifyReply,
    done?: HookHandlerDoneFunction,
  ): MaybePromise<void> {
    if (done === undefined) {
      return Promise.resolve().then(() => check(request, reply));
    }
    let pending: MaybePromise<void>;
    try {
      pending = check(request, reply);
    } catch (error) {
      done(error as FastifyError);
      return;
    }
    if (isThenable(pending)) {
      pending.then(() => done(), done);
    } else {
      done();
    }
  }
  return hook;
}
