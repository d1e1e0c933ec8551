import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { assets } from '../../src/plugins/assets.ts';
import { build } from '../helpers/service.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';

// `npm run build` has compiled the scripts.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLIENT = readFileSync(`${ROOT}/dist/pages/browser/session.js`, 'utf8');
const LOGO = '<svg xmlns="http://www.w3.org/2000/svg"><style>rect { fill: red }</style><rect/></svg>';
const STYLES = ':root { --accent: green; }';
const A_YEAR = 'public, max-age=31536000, immutable';

/** An app with the plugin, and the files of an operator. */
async function withAssets(t: Test, { basePath = '', pages = true, type = 'svg' } = {}) {
  const folder = temporaryDirectory(t);
  const logo = `${folder}/logo.${type}`;
  const styles = `${folder}/brand.css`;
  writeFileSync(logo, LOGO);
  writeFileSync(styles, STYLES);
  const app = Fastify();
  t.teardown(() => app.close());
  await app.register(assets, { basePath, pages, logo, styles });
  return { app, logo };
}

for (const PAGES of ['on', 'off']) {
  t.test(`the service serves the session client with PAGES=${PAGES}`, async (t) => {
    const app = await build(t, { env: { PAGES } });
    const { statusCode, headers, body } = await app.inject('/session.js');
    t.equal(statusCode, 200);
    t.equal(body, CLIENT);
    t.match(headers, {
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=300',
      etag: /^"[\w-]{16}"$/,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
      'cross-origin-resource-policy': 'same-site',
    });
    t.equal(headers['set-cookie'], undefined);
  });
}

t.test('a browser that has the client already gets 304', async (t) => {
  const app = await build(t);
  const { etag } = (await app.inject('/session.js')).headers;
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const response = await app.inject({ url: '/session.js', headers: { 'if-none-match': String(known) } });
    t.equal(response.statusCode, 304, String(known));
    t.equal(response.body, '');
    t.match(response.headers, { etag, 'cache-control': 'public, max-age=300' });
  }
  const other = await app.inject({ url: '/session.js', headers: { 'if-none-match': '"other"' } });
  t.equal(other.statusCode, 200);
  const head = await app.inject({ method: 'HEAD', url: '/session.js' });
  t.equal(head.statusCode, 200);
  t.equal(head.body, '');
  t.equal((await app.inject({ method: 'POST', url: '/session.js' })).statusCode, 405);
});

t.test('texts are compressed for those who accept it', async (t) => {
  const { app } = await withAssets(t, { type: 'png' });
  const { etag } = (await app.inject('/session.js')).headers;
  for (const accepted of ['gzip', 'gzip, deflate, br', 'br;q=1, GZIP;q=0.5']) {
    const response = await app.inject({ url: '/session.js', headers: { 'accept-encoding': accepted } });
    t.match(response.headers, { 'content-encoding': 'gzip', vary: 'Accept-Encoding' }, accepted);
    t.equal(gunzipSync(response.rawPayload).toString(), CLIENT);
    t.not(response.headers.etag, etag, 'another representation has another tag');
    const headers = { 'accept-encoding': accepted, 'if-none-match': String(response.headers.etag) };
    t.equal((await app.inject({ url: '/session.js', headers })).statusCode, 304);
  }
  for (const accepted of ['', 'br', 'gzip;q=0', 'gzip;q=0.0, br']) {
    const response = await app.inject({ url: '/session.js', headers: { 'accept-encoding': accepted } });
    t.equal(response.headers['content-encoding'], undefined, accepted);
    t.equal(response.headers.vary, 'Accept-Encoding', accepted);
    t.equal(response.body, CLIENT);
  }
  const image = await app.inject({ url: app.assetUrl('site-logo.png'), headers: { 'accept-encoding': 'gzip' } });
  t.equal(image.headers['content-encoding'], undefined, 'images are compressed already');
  t.equal(image.headers.vary, undefined);
});

t.test('the client is small', async (t) => {
  const app = await build(t);
  const { rawPayload } = await app.inject({ url: '/session.js', headers: { 'accept-encoding': 'gzip' } });
  t.ok(rawPayload.length <= 2500, `${rawPayload.length} bytes`);
  t.ok(CLIENT.length <= 6800, `${CLIENT.length} bytes before compression`);
  t.notMatch(CLIENT, /^\s*(\/\*|\/\/)/m, 'no comments');
});

t.test('a page of a trusted origin can import the client', async (t) => {
  const origin = 'https://app.example';
  const app = await build(t, { env: { TRUSTED_ORIGINS: origin } });
  const { headers } = await app.inject({ url: '/session.js', headers: { origin } });
  t.match(headers, { 'access-control-allow-origin': origin, vary: 'Origin, Accept-Encoding' });
  const stranger = await app.inject({ url: '/session.js', headers: { origin: 'https://other.example' } });
  t.equal(stranger.headers['access-control-allow-origin'], undefined);
});

t.test('the URL of an asset has the hash of its content, and browsers keep it for a year', async (t) => {
  const { app } = await withAssets(t);
  const url = app.assetUrl('site-styles.css');
  t.match(url, /^\/assets\/site-styles\.css\?v=[\w-]{16}$/);
  const response = await app.inject(url);
  t.equal(response.body, STYLES);
  t.match(response.headers, { 'content-type': 'text/css; charset=utf-8', 'cache-control': A_YEAR });
  for (const other of ['/assets/site-styles.css', '/assets/site-styles.css?v=other', `${url}&v=other`]) {
    const { statusCode, headers } = await app.inject(other);
    t.match({ statusCode, headers }, { statusCode: 200, headers: { 'cache-control': 'no-cache' } }, other);
  }
});

t.test('the URLs of assets start with the path of PUBLIC_URL', async (t) => {
  const { app } = await withAssets(t, { basePath: '/login' });
  t.match(app.assetUrl('site-styles.css'), /^\/login\/assets\/site-styles\.css\?v=/);
});

t.test("the operator's logo may have styles and runs nothing", async (t) => {
  const { app } = await withAssets(t, { type: 'SVG' });
  const { body, headers } = await app.inject(app.assetUrl('site-logo.svg'));
  t.equal(body, LOGO);
  t.match(headers, {
    'content-type': 'image/svg+xml',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
  });
});

t.test('an asset is served as it was at the start', async (t) => {
  const { app, logo } = await withAssets(t);
  writeFileSync(logo, 'changed');
  t.equal((await app.inject(app.assetUrl('site-logo.svg'))).body, LOGO);
});

t.test('the files of the pages are served, and no others', async (t) => {
  const { app } = await withAssets(t);
  const files = ['src/pages', 'dist/pages/browser'].flatMap((folder) => readdirSync(`${ROOT}/${folder}`));
  const served = files.filter((name) => /\.(css|svg|js)$/.test(name) && name !== 'session.js');
  for (const name of served) {
    const { statusCode, headers } = await app.inject(app.assetUrl(name));
    t.match({ statusCode, headers }, { statusCode: 200, headers: { 'cache-control': A_YEAR } }, name);
  }
  for (const url of ['/assets/', '/assets/texts.ts', '/assets/render.js', '/assets/session.js', '/assets/../next.ts']) {
    t.equal((await app.inject(url)).statusCode, 404, url);
  }
});

t.test('without pages there is only the client', async (t) => {
  const { app } = await withAssets(t, { pages: false });
  t.equal((await app.inject('/session.js')).statusCode, 200);
  t.equal((await app.inject('/assets/site-logo.svg')).statusCode, 404);
  t.throws(() => app.assetUrl('styles.css'), /There is no asset styles\.css/);
});

t.test('a file that is not compiled is an error at the start, with the command', async (t) => {
  const { app, logo } = await withAssets(t);
  t.throws(() => app.assetUrl('nothing.js'), /There is no asset nothing\.js\. .* run: npm run build/);
  await t.rejects(
    async () => Fastify().register(assets, { basePath: '', pages: true, logo: `${logo}.png` }),
    /logo\.svg\.png cannot be read/,
  );
  // A copy of dist without the compiled scripts.
  const copy = temporaryDirectory(t);
  for (const file of ['plugins/assets.js', 'http/vary.js']) {
    cpSync(`${ROOT}/dist/${file}`, `${copy}/dist/${file}`);
  }
  cpSync(`${ROOT}/package.json`, `${copy}/package.json`);
  const code = `
    const { default: Fastify } = await import(${JSON.stringify(pathToFileURL(`${ROOT}/node_modules/fastify/fastify.js`).href)});
    const { assets } = await import(${JSON.stringify(pathToFileURL(`${copy}/dist/plugins/assets.js`).href)});
    await Fastify().register(assets, { basePath: '', pages: false }).ready().catch(({ message }) => console.log(message));
  `;
  symlinkSync(`${ROOT}/node_modules`, `${copy}/node_modules`, 'junction');
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
  t.match(printed, /session\.js cannot be read\. .* run: npm run build/);
});
