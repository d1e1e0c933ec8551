import { Spectral } from '@stoplight/spectral-core';
import t from 'tap';
import { build } from '../helpers/service.ts';

t.test('the rules of Spectral and OWASP report nothing, except those that .spectral.js switches off', async (t) => {
  const app = await build(t, { env: { PUBLIC_URL: 'https://login.example.org' } });
  const { default: ruleset } = await import(new URL('../../.spectral.js', import.meta.url).href);
  const spectral = new Spectral();
  spectral.setRuleset(ruleset);
  const lint = async (source: string) =>
    (await spectral.run(JSON.parse(source))).map(({ code, path }) => `${code}: ${path.join('.')}`);
  const source = (await app.inject('/docs/json')).body;
  t.same(await lint(source), []);
  t.not((await lint(source.replaceAll('"format":"int32"', '"x":1'))).length, 0, 'the rules apply');
});
