import { Agent } from 'node:http';
import t, { type Test } from 'tap';
import { startNginx } from '../helpers/nginx.ts';
import { freePort } from '../helpers/ports.ts';
import { program } from '../helpers/programs.ts';
import { run } from '../helpers/server-process.ts';
import { LENIENT_TIMEOUTS } from '../helpers/timeouts.ts';
import { startTraffic } from '../helpers/traffic.ts';

// No instance may close a connection on which a request is under way.

/** In each round both instances restart. */
const ROUNDS = Number(process.env.RESTART_ROUNDS ?? 3);

async function startInstance(t: Test, port: number) {
  const env = { HOST: '127.0.0.1', PORT: String(port), DRAIN_SECONDS: '1', ...LENIENT_TIMEOUTS };
  const server = run(t, 'server.js', env);
  await server.logged('listening at');
  return server;
}

t.test('two instances restart in turn under a load of POST requests, and they get their replies', async (t) => {
  const nginx = program(t, 'nginx');
  if (nginx === undefined) {
    return;
  }
  const [front = 0, ...ports] = await Promise.all([freePort(), freePort(), freePort()]);
  const instances = await Promise.all(ports.map((port) => startInstance(t, port)));
  const servers = ports.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join(' ');
  await startNginx(t, {
    nginx,
    port: front,
    http: `upstream login { ${servers} keepalive 32; }`,
    server:
      'location / { proxy_pass http://login; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_next_upstream error non_idempotent; }',
  });

  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const stop = startTraffic(front, agent, 16);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, port] of ports.entries()) {
      const instance = instances[index];
      instance?.child.kill('SIGTERM');
      t.equal(await instance?.exited, 0);
      instances[index] = await startInstance(t, port);
    }
  }
  // 401: the requests have no session. Without the last setting of nginx, two of 127,000 were lost: the system resets a connection
  // that arrives in the moment in which the listening socket closes.
  const { 401: answered = 0, ...others } = await stop();
  t.same(others, {});
  t.ok(answered > 1000, `${answered} requests`);
});
