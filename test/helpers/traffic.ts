import { type Agent, request } from 'node:http';

/** Sends `POST /refresh` without a session. Resolves with the status, or the message of the error. */
export function post(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    request({ port, host: '127.0.0.1', path: '/refresh', method: 'POST', agent }, (response) => {
      response.resume().once('end', () => resolve(String(response.statusCode)));
    })
      .once('error', (error) => resolve(error.message))
      .end();
  });
}

/** Starts clients that send one such request after the other. The returned function stops them and counts the replies. */
export function startTraffic(port: number, agent: Agent, clients: number): () => Promise<Record<string, number>> {
  const replies = new Map<string, number>();
  let isDone = false;
  const client = async () => {
    while (!isDone) {
      const reply = await post(port, agent);
      replies.set(reply, (replies.get(reply) ?? 0) + 1);
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return async () => {
    isDone = true;
    await all;
    return Object.fromEntries(replies);
  };
}
