import { once } from 'node:events';

/** Answers each message of the parent process, see `Child.ask`. The process ends with its parent. */
export function answerParent(/** @type {(message: any) => unknown} */ handle) {
  process.on('disconnect', () => process.exit(0));
  process.on('message', async (message) => process.send?.({ answer: await handle(message) }));
}

/** Makes a Fastify or Express app listen on a free port of the loopback, and returns the port. */
export async function listen(app) {
  if (typeof app !== 'function') {
    return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  }
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}
