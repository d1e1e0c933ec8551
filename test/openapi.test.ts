import { createConfig, lintFromString } from '@redocly/openapi-core';
import t from 'tap';
import { MEASURED } from './helpers/built-command.ts';
import { run } from './helpers/server-process.ts';
import { build } from './helpers/service.ts';

t.test('the document goes to standard output without listening, the same as /docs/json', async (t) => {
  const writer = run(t, 'openapi.js', { PORT: '8080', ...MEASURED });
  t.equal(await writer.exited, 0);
  t.equal(writer.complaints(), '');
  const app = await build(t);
  t.strictSame(JSON.parse(writer.log.join('\n')), (await app.inject('/docs/json')).json());
});

t.test('a standard linter finds no error in it', async (t) => {
  const app = await build(t, { env: { PUBLIC_URL: 'https://login.example.org' } });
  const source = (await app.inject('/docs/json')).body;
  // The forms of the account page only lead back to it.
  const config = await createConfig({ extends: ['recommended'], rules: { 'operation-2xx-response': 'off' } });
  const problems = await lintFromString({ source, config });
  t.same(
    problems.map(({ ruleId, message }) => `${ruleId}: ${message}`),
    [],
  );
});

t.test('the document has named schemas, by reference, and at most 29 kB without the pages', async (t) => {
  const app = await build(t, { env: { PAGES: 'off' } });
  const { body } = await app.inject('/docs/json');
  t.ok(Buffer.byteLength(body) <= 29_000, `${Buffer.byteLength(body)} bytes`);
  const { components, paths } = JSON.parse(body);
  t.same(Object.keys(components.schemas), ['Session', 'ListedSession', 'Error']);
  const references = { signin: 'Session', refresh: 'Session', session: 'Session', password: 'Session' };
  for (const [path, name] of Object.entries(references)) {
    const [operation] = Object.values<{ responses: Record<string, unknown> }>(paths[`/${path}`]);
    const $ref = `#/components/schemas/${name}`;
    t.match(operation?.responses[200], { content: { 'application/json': { schema: { $ref } } } }, path);
  }
  const operations = Object.values<object>(paths).flatMap((methods) => Object.values(methods));
  for (const { operationId, responses } of operations) {
    for (const [status, response] of Object.entries(responses).filter(([status]) => status >= '400')) {
      const schema = { $ref: '#/components/schemas/Error' };
      t.match(
        response,
        { description: /^`[A-Z_]+`/, content: { 'application/json': { schema } } },
        operationId + status,
      );
    }
  }
});

t.test('the replies to page requests are documented, in at most 39 kB', async (t) => {
  const [withPages, without] = await Promise.all([build(t), build(t, { env: { PAGES: 'off' } })]);
  const { body } = await withPages.inject('/docs/json');
  t.ok(Buffer.byteLength(body) <= 39_000, `${Buffer.byteLength(body)} bytes`);
  const { paths, info } = JSON.parse(body);
  const api = (await without.inject('/docs/json')).json();
  t.match(info.description, /page request/);
  t.notMatch(JSON.stringify(api), /page request|text\/html/i);
  const html = { 'text/html': { schema: { type: 'string' } } };
  for (const [method, path] of [
    ['post', '/signin'],
    ['post', '/password'],
    ['post', '/refresh'],
    ['get', '/logout'],
    ['post', '/logout'],
  ] as const) {
    const { 303: redirect, ...responses } = paths[path][method].responses;
    t.match(redirect, { description: /^For a page request\./, headers: { Location: { schema: { type: 'string' } } } });
    t.match(responses[401].description, /\. For a page request: an HTML page\.$/, path);
    t.same(responses[401].content, api.paths[path][method].responses[401].content, path);
    t.same(responses[200], api.paths[path][method].responses[200], path);
    t.notOk(api.paths[path][method].responses[303], path);
  }
  t.match(paths['/account'].get.responses, { 200: { content: html }, 303: {}, 503: { content: html } });
  t.same(Object.keys(paths['/signin'].get.responses[200].content), ['text/html']);
});

t.test('each string and integer has a bound', async (t) => {
  const app = await build(t);
  const unbounded: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) {
      return;
    }
    const { type } = value as { type?: unknown };
    const bounds = type === 'string' ? ['maxLength', 'enum', 'const'] : ['maximum'];
    if ((type === 'string' || type === 'integer') && !bounds.some((bound) => bound in value)) {
      unbounded.push(path);
    }
    for (const [key, child] of Object.entries(value)) {
      visit(child, `${path}.${key}`);
    }
  };
  visit((await app.inject('/docs/json')).json(), '');
  t.same(unbounded, []);
});
