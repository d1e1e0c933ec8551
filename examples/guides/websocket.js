import websocket from '@fastify/websocket';
import Fastify from 'fastify';
import { crossOriginGuard, requireSession } from 'session-cookie-login';
import { login, loginRoutes, MemoryUserStore, newUser, PasswordHasher } from 'session-cookie-login/login';

const app = Fastify();
const passwords = new PasswordHasher();
const users = new MemoryUserStore();
users.create(newUser('ann', await passwords.hash('a horse, a battery, a staple')));

await app.register(websocket, { options: { maxPayload: 65_536 } });
await app.register(crossOriginGuard);
await app.register(login, { stores: { users }, passwords, session: { idleSeconds: 900 } });
await app.register(loginRoutes, { prefix: '/auth' });

// The guards run before the handshake: a request that they reject gets 403 or 401 and no socket.
const onRequest = [app.refuseCrossOrigin, requireSession];

app.get('/chat', { websocket: true, onRequest }, (socket, request) => {
  const { username } = request.session;
  const stopWatching = request.onSessionEnd(() => socket.close(1008, 'The session has ended.'));
  socket.on('close', stopWatching);
  socket.on('message', (message) => socket.send(`${username}: ${message}`));
});

console.log(await app.listen({ port: Number(process.env.PORT ?? 3000) }));
