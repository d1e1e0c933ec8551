import { readFileSync } from 'node:fs';
import t from 'tap';
import { parseConfig } from '../src/config.ts';
import { Environment } from '../src/config-schema.ts';
import { parseStoreUrl, STORE_URL_FORMS } from '../src/stores/store-url.ts';

const docs = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8');

const rows = [...docs.matchAll(/^\| `([A-Z_]+)` \| `(.*?)` \| (.*?) \| .+ \|$/gm)].map(
  ([, name = '', value = '', accepted = '']) => ({ name, value, accepted }),
);

t.test('the table of settings has every variable in order, with its default', async (t) => {
  t.same(
    rows.map(({ name }) => name),
    Object.keys(Environment.properties),
  );
  const defaults: Record<string, unknown> = parseConfig({});
  for (const { name, value } of rows) {
    t.equal(value.replace('PORT', '8080'), String(defaults[name]), name);
  }
});

t.test('the table of settings has the values that each variable accepts', async (t) => {
  for (const [name, schema] of Object.entries(Environment.properties)) {
    const accepted = rows.find((row) => row.name === name)?.accepted;
    if (schema.type === 'integer') {
      t.equal(accepted, `${schema.minimum} to ${schema.maximum}`);
    }
  }
  const levels = rows.find(({ name }) => name === 'LOG_LEVEL')?.accepted ?? '';
  t.same(
    [...levels.matchAll(/`(.+?)`/g)].map(([, level]) => level),
    Environment.properties.LOG_LEVEL.anyOf.map((level) => level.const),
  );
});

t.test('the forms of STORE_URL are those that the service accepts', async (t) => {
  const [, section = ''] = /^## STORE_URL\n(.*?)^## /ms.exec(docs) ?? [];
  const forms = [...section.matchAll(/^\| `(.+?)` \|/gm)].map(([, form = '']) => form);
  t.equal(forms.length, 7);
  for (const form of forms.filter((form) => !form.startsWith('rediss:'))) {
    t.ok(STORE_URL_FORMS.includes(form), form);
  }
  for (const form of forms) {
    const example = form.replace('[:PORT]', ':1').replace('[/DATABASE]', '/0').replace('=DATABASE', '=0');
    t.ok(parseStoreUrl(example.replace(/[[\]]/g, '')), example);
  }
});
