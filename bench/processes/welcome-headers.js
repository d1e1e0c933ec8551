import bare from '../contestants/bare.js';
import { buildService, createSessions } from '../lib/service.js';

// Prints the headers of the service's reply to GET /welcome that the bare route does not send.
const ours = await buildService({ LOG_LEVEL: 'error' });
const { cookies } = await createSessions(ours.sessionStore, 1);
const { app } = await bare();
const [reply, plain] = await Promise.all(
  [ours, app].map((server) => server.inject({ url: '/welcome', headers: { cookie: cookies[0] } })),
);
if (reply.statusCode !== 200) {
  throw new Error(`GET /welcome replies ${reply.statusCode}`);
}
console.log(
  JSON.stringify(Object.fromEntries(Object.entries(reply.headers).filter(([name]) => !(name in plain.headers)))),
);
await Promise.all([ours.close(), app.close()]);
