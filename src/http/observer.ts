import type { ObserveCall } from '../types.ts';
import type { EventDetails, SecurityEvent } from './security-events.ts';

/** Gets what happens in a service, for metrics. Without metrics there is none. */
export interface Observer {
  /** A security event, also one above the limit of the log. */
  event(event: SecurityEvent, details: EventDetails): void;
  readonly storeCall: ObserveCall;
}

export const kObserver = Symbol('observer');

declare module 'fastify' {
  interface FastifyInstance {
    [kObserver]?: Observer;
  }
}
