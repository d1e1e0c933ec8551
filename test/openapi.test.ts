import { createConfig, lintFromString } from '@redocly/openapi-core';
import t from 'tap';
import { run } from './helpers/server-process.ts';
import { build } from './helpers/service.ts';

t.test('the document goes to standard output without listening, the same as /docs/json', async (t) => {
  const writer = run(t, 'openapi.js', { PORT: '8080' });
  t.equal(await writer.exited, 0);
  t.equal(writer.complaints(), '');
  const app = await build(t);
  t.strictSame(JSON.parse(writer.log.join('\n')), (await app.inject('/docs/json')).json());
});

t.test('a standard linter finds no error in it', async (t) => {
  const app = await build(t, { env: { PUBLIC_URL: 'https://login.example.org' } });
  const source = (await app.inject('/docs/json')).body;
  const rules = {
    // There is no wrong way to ask for a sign of life.
    'operation-4xx-response': 'off',
  } as const;
  const config = await createConfig({ extends: ['recommended'], rules });
  const problems = await lintFromString({ source, config });
  t.same(
    problems.map(({ ruleId, message }) => `${ruleId}: ${message}`),
    [],
  );
});
