import t from 'tap';
import { parseConfig } from '../src/config.ts';
import { fastifyOptions, isHttps } from '../src/fastify-options.ts';

t.test('a client has ten seconds to send its request, and 16 KiB for it', async (t) => {
  t.match(fastifyOptions(parseConfig({})), { requestTimeout: 10_000, bodyLimit: 16_384 });
});

t.test('whether it is https is said by PUBLIC_URL', async (t) => {
  t.equal(isHttps(parseConfig({ PUBLIC_URL: 'https://login.example' })), true);
  t.equal(isHttps(parseConfig({})), false);
});
