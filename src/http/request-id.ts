import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const REQUEST_ID_HEADER = 'x-request-id';

/** Characters that need no quoting in a log line, a header or a URL: those of UUIDs, base64, ULIDs and trace ids. */
const PLAIN = /^[\w.:+/=-]{1,128}$/;

/** A request as Fastify passes it to `genReqId`. */
type RawRequest = Pick<IncomingMessage, 'headers' | 'socket'>;

/** Makes the function that gives a request its id: the one of a trusted proxy if it is plain, or a random one. */
export function requestIdFrom(isTrusted: (address: string | undefined) => boolean): (request: RawRequest) => string {
  return ({ headers, socket }) => {
    const given = headers[REQUEST_ID_HEADER];
    const isUsable = typeof given === 'string' && PLAIN.test(given) && isTrusted(socket.remoteAddress);
    return isUsable ? given : newRequestId();
  };
}

/** Unique among all instances, so that the logs of several can be searched together. */
export function newRequestId(): string {
  return randomUUID();
}
