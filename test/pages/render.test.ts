import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { createRenderer } from '../../src/pages/render.ts';

const PAGES = new URL('../../src/pages/', import.meta.url);
const TEMPLATES = new URL('templates/', PAGES);
const read = (name: string, folder = PAGES) => readFileSync(new URL(name, folder), 'utf8');

t.test('a template escapes every value, except for the body in the layout', async (t) => {
  for (const file of readdirSync(TEMPLATES)) {
    const template = read(file, TEMPLATES);
    t.same(template.match(/<%~.*?%>/g) ?? [], file === 'layout.eta' ? ['<%~ it.body %>'] : [], file);
    t.notMatch(template, /=\s*<%/, 'attributes are in quotes');
    t.notMatch(template, /='/);
  }
  const evil = `"><script>alert('1')</script>&`;
  const render = createRenderer({ name: evil, basePath: evil, logo: evil, icon: evil, styles: [evil], script: evil });
  const link = { url: evil, text: evil };
  const html = render({ template: 'error', title: evil, self: evil, message: evil, wait: evil, link });
  t.notMatch(html, /<script>|alert\('/);
  t.equal(html.match(/&quot;&gt;&lt;script&gt;alert\(&#39;1&#39;\)&lt;\/script&gt;&amp;/g)?.length, 14);
});

t.test('the files of the pages are small', async (t) => {
  t.ok(read('styles.css').length < 8000);
  const script = read('page.js', new URL('../../dist/pages/browser/', import.meta.url));
  t.ok(script.length < 2000, `${script.length} bytes`);
  t.ok(gzipSync(script).length < 1000, 'as it is served');
});

t.test('the style sheet loads nothing, and docs/configuration.md has its custom properties', async (t) => {
  const styles = read('styles.css');
  t.notMatch(styles, /url\(|@import/);
  const [, light = ''] = /^:root \{(.*?)^\}/ms.exec(styles) ?? [];
  const properties = new Set([...light.matchAll(/^ {2}(--[\w-]+):/gm)].map(([, name]) => name));
  const docs = read('../../docs/configuration.md');
  const documented = [...docs.matchAll(/^\| (`--.*`) \|/gm)].flatMap(([, cell = '']) => cell.match(/--[\w-]+/g) ?? []);
  t.same(new Set(documented), properties);
  for (const [, name] of styles.matchAll(/var\((--[\w-]+)\)/g)) {
    t.ok(properties.has(name), `${name} is defined`);
  }
});
