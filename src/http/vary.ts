import type { FastifyReply } from 'fastify';

/** Tells caches that the reply depends on a header of the request. */
export function addVary(reply: FastifyReply, header: string): void {
  const current = [reply.getHeader('vary') ?? []].flat().join(', ');
  if (
    !current
      .toLowerCase()
      .split(/\s*,\s*/)
      .includes(header.toLowerCase())
  ) {
    reply.header('vary', current === '' ? header : `${current}, ${header}`);
  }
}
