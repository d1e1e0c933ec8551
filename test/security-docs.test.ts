import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { parseConfig } from '../src/config.ts';
import { Environment } from '../src/config-schema.ts';
import { build } from './helpers/service.ts';

// docs/security.md claims that requirements are met. Each claim names the test that proves it, which carries the
// requirement's id in its title; nothing is claimed without one, and no test carries an id that nobody claims.

const docs = readFileSync(new URL('../docs/security.md', import.meta.url), 'utf8');
const directory = new URL('.', import.meta.url);

interface Row {
  readonly id: string;
  readonly status: string;
  readonly file: string | undefined;
  readonly title: string | undefined;
}

const rows: Row[] = [...docs.matchAll(/^\| ((?:NIST )?\d+\.\d+.*?) \|.*?\| (\w[\w ]+) \|.*?\|(.*)\|$/gm)].map(
  ([, id = '', status = '', proof = '']) => {
    const [, file, title] = /^ `(.+?)`: (.+) $/.exec(proof) ?? [];
    return { id, status, file, title };
  },
);

/** The titles of a test file that end with ids, as they stand in the code. */
function titlesIn(file: string): { title: string; ids: string[] }[] {
  const source = readFileSync(new URL(file, directory), 'utf8');
  return [...source.matchAll(/(['"`])([^\n]*?) \(((?:ASVS|NIST) [^()\n]+)\)\1/g)].map(([, , title = '', ids = '']) => ({
    title,
    ids: ids.split(', ').map((id) => id.replace('ASVS ', '')),
  }));
}

const testFiles = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.test.ts'),
);

t.test('every row has a status, and every claim a test that is there and carries its id', async (t) => {
  for (const { id, status, file, title } of rows) {
    if (status === 'met') {
      const proof = titlesIn(file ?? '').find((one) => one.ids.includes(id) && one.title.endsWith(title ?? ''));
      t.ok(proof, `${id}: ${file}: ${title}`);
    } else {
      t.match(status, /^not (met|applicable)$/, id);
      t.equal(file, undefined, `${id} claims nothing`);
    }
  }
});

t.test('every id that a test carries is claimed', async (t) => {
  const claimed = new Set(rows.filter(({ status }) => status === 'met').map(({ id }) => id));
  for (const file of testFiles) {
    for (const { title, ids } of titlesIn(file)) {
      const unclaimed = ids.filter((id) => !claimed.has(id));
      if (unclaimed.length > 0) {
        t.same(unclaimed, [], `${file}: ${title}`);
      }
    }
  }
  t.ok(testFiles.length > 50);
});

t.test('no id is answered twice, and all of chapter V7 is answered', async (t) => {
  const ids = rows.map(({ id }) => id);
  t.equal(new Set(ids).size, ids.length);
  const sections = { '7.1': 3, '7.2': 4, '7.3': 2, '7.4': 5, '7.5': 3, '7.6': 2 };
  for (const [section, count] of Object.entries(sections)) {
    for (let number = 1; number <= count; number++) {
      t.ok(ids.includes(`${section}.${number}`), `${section}.${number}`);
    }
  }
  const count = (status: string) => rows.filter((row) => row.status === status).length;
  t.comment(`${count('met')} met, ${count('not met')} not met, ${count('not applicable')} not applicable`);
  t.ok(count('met') >= 40);
});

t.test('every default that docs/security.md gives is the default (ASVS 7.1.1, ASVS 7.1.2, ASVS 6.1.1)', async (t) => {
  const defaults: Record<string, unknown> = parseConfig({});
  const given = [...docs.matchAll(/`([A-Z_]+)` \((\d+)/g)];
  t.ok(given.length >= 8);
  for (const [, name = '', value] of given) {
    t.equal(String(defaults[name]), value, name);
  }
  for (const name of ['SESSION_IDLE_SECONDS', 'SESSION_MAX_SECONDS', 'SESSIONS_PER_USER', 'FRESH_SECONDS']) {
    t.ok(
      given.some(([, one]) => one === name),
      name,
    );
  }
  for (const name of Object.keys(Environment.properties).filter((name) => name.startsWith('SIGNIN_'))) {
    t.ok(
      given.some(([, one]) => one === name),
      name,
    );
  }
});

t.test('every header that docs/security.md names is sent (ASVS 3.1.1)', async (t) => {
  const [, section = ''] = /### What browsers must do\n(.*?)\n###/s.exec(docs) ?? [];
  const named = [...section.matchAll(/`((?:[A-Z][A-Za-z]*-)+[A-Z][A-Za-z]+)`/g)].map(([, name = '']) => name);
  const sent = named.filter((name) => !name.startsWith('Sec-'));
  t.ok(sent.length >= 7);
  const app = await build(t, { env: { PUBLIC_URL: 'https://login.example' } });
  const { headers } = await app.inject({ url: '/signin', headers: { accept: 'text/html' } });
  for (const name of sent) {
    t.ok(headers[name.toLowerCase()], name);
  }
});

t.test('the default lifetimes are within those of NIST (NIST 2.2.3, NIST 2.3.3)', async (t) => {
  const { SESSION_IDLE_SECONDS, SESSION_MAX_SECONDS, BOUND_IDLE_SECONDS } = parseConfig({});
  t.ok(SESSION_MAX_SECONDS <= 12 * 3600);
  t.ok(SESSION_IDLE_SECONDS <= 15 * 60);
  t.ok(BOUND_IDLE_SECONDS <= 15 * 60);
});

t.test('the list of common passwords is as long as docs/security.md says (ASVS 6.1.2)', async (t) => {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  const lengths = dictionary['passwords-common'].map((password) => String(password).length);
  const atLeast = (length: number) => lengths.filter((one) => one >= length).length.toLocaleString('en');
  t.match(docs, `the ${atLeast(0)} passwords in the list`);
  t.match(docs, `the ${atLeast(0)} most common, of which only ${atLeast(15)} have 15 characters; ${atLeast(8)} have 8`);
});

t.test('every route that takes a password is named in docs/security.md (ASVS 6.1.3)', async (t) => {
  const { paths } = (await (await build(t)).inject('/docs/json')).json();
  const taking = Object.entries<Record<string, object>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => JSON.stringify(operation).includes('"format":"password"'))
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
  t.same(taking, ['POST /signin', 'POST /password/link', 'POST /password']);
  for (const route of taking) {
    t.match(docs, `\`${route}\``);
  }
});
