import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import type { Test } from 'tap';
import { startCaddy } from './caddy.ts';
import { type Certificate, selfSigned } from './certificate.ts';
import { startApps } from './guides.ts';
import { startHaproxy } from './haproxy.ts';
import { startNginx } from './nginx.ts';
import { freePort } from './ports.ts';
import { program } from './programs.ts';
import { startTraefikStandIn } from './traefik-stand-in.ts';

// The proxies of examples/forward-auth, each with the file of its recipe. The tests replace only what is of this machine:
// ports, addresses and paths of certificates.

export const LOGIN = 'login.example.com';
export const APP = 'app.example.com';

/** What the proxies of a test stand before. */
export interface Behind {
  readonly loginPort: number;
  readonly appPort: number;
  readonly certificate: Certificate;
}

type Start = (t: Test, behind: Behind) => Promise<number | undefined>;

const example = (path: string) => new URL(`../../examples/forward-auth/${path}`, import.meta.url);

const recipe = (path: string) => readFileSync(example(path), 'utf8');

/** Replaces each text by the other one. Throws if a text is not there. */
export function replaced(text: string, replacements: Record<string, string>): string {
  return Object.entries(replacements).reduce((result, [from, to]) => {
    if (!result.includes(from)) {
      throw new Error(`the recipe does not contain ${from}`);
    }
    return result.replaceAll(from, to);
  }, text);
}

const ports = async () => [await freePort(), await freePort()] as const;

async function nginx(t: Test, { loginPort, appPort, certificate }: Behind): Promise<number | undefined> {
  const path = program(t, 'nginx');
  if (path === undefined) {
    return undefined;
  }
  const [port, plainPort] = await ports();
  const http = replaced(recipe('nginx/nginx.conf'), {
    'listen 80;': `listen 127.0.0.1:${plainPort};`,
    'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
    'server 127.0.0.1:8080;': `server 127.0.0.1:${loginPort};`,
    'server 127.0.0.1:3000;': `server 127.0.0.1:${appPort};`,
    '/etc/ssl/example.com.crt': certificate.cert,
    '/etc/ssl/example.com.key': certificate.key,
  });
  await startNginx(t, { nginx: path, port, http });
  return port;
}

async function caddy(t: Test, { loginPort, appPort, certificate }: Behind): Promise<number | undefined> {
  const path = program(t, 'caddy');
  if (path === undefined) {
    return undefined;
  }
  const [port, plainPort] = await ports();
  const config = replaced(recipe('caddy/Caddyfile'), {
    'http_port 80\n': `http_port ${plainPort}\n\tdefault_bind 127.0.0.1\n`,
    'https_port 443': `https_port ${port}`,
    ':443 {': `:${port} {`,
    '127.0.0.1:8080': `127.0.0.1:${loginPort}`,
    '127.0.0.1:3000': `127.0.0.1:${appPort}`,
    '/etc/ssl/example.com.crt': certificate.cert,
    '/etc/ssl/example.com.key': certificate.key,
  });
  await startCaddy(t, { caddy: path, port, config });
  return port;
}

async function haproxy(t: Test, { loginPort, appPort, certificate }: Behind): Promise<number | undefined> {
  const path = program(t, 'haproxy');
  if (path === undefined) {
    return undefined;
  }
  const [port, plainPort] = await ports();
  const config = (lua: string) =>
    replaced(recipe('haproxy/haproxy.cfg'), {
      'bind :80': `bind 127.0.0.1:${plainPort}`,
      'bind :443': `bind 127.0.0.1:${port}`,
      '127.0.0.1:8080': `127.0.0.1:${loginPort}`,
      '127.0.0.1:3000': `127.0.0.1:${appPort}`,
      '/etc/ssl/example.com.pem': certificate.both,
      '/etc/haproxy/forward-auth.lua': lua,
    });
  const script = replaced(recipe('haproxy/forward-auth.lua'), { '127.0.0.1:8080': `127.0.0.1:${loginPort}` });
  await startHaproxy(t, { haproxy: path, port, config, script });
  return port;
}

/** The values of the recipe that the stand-in applies. Throws if one is not there. */
async function traefik(t: Test, { loginPort, appPort, certificate }: Behind): Promise<number> {
  const text = replaced(recipe('traefik/dynamic.yaml'), {
    '127.0.0.1:8080': `127.0.0.1:${loginPort}`,
    '127.0.0.1:3000': `127.0.0.1:${appPort}`,
    'trustForwardHeader: false': 'trustForwardHeader: false',
    'middlewares: [client-headers, signed-in]': 'middlewares: [client-headers, signed-in]',
  });
  const found = (pattern: RegExp) => {
    const [, value] = pattern.exec(text) ?? [];
    if (value === undefined) {
      throw new Error(`the recipe does not contain ${pattern}`);
    }
    return value;
  };
  const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, value = '']) => value);
  const [loginRule, appRule] = all(text, /^ {6}rule: "(.*)"$/gm) as [string, string];
  const serviceUrl = (name: string) => found(new RegExp(`^ {4}${name}:\\n {6}loadBalancer:\\n.*\\n.*url: "(.*)"`, 'm'));
  const hostOf = (rule: string) => all(rule, /Host\(`(.*?)`\)/g)[0] as string;
  return startTraefikStandIn(t, {
    address: found(/address: "(.*)"/),
    authResponseHeaders: all(found(/authResponseHeaders:\n((?: +- .*\n)+)/), /- (.*)/g),
    removed: all(found(/customRequestHeaders:\n((?: +(?:.*: ""|#.*)\n)+)/), / +(.*): ""/g),
    services: new Map([
      [hostOf(loginRule), serviceUrl('login')],
      [hostOf(appRule), serviceUrl('app')],
    ]),
    protectedHost: hostOf(appRule),
    closedPaths: all(loginRule, /!Path\(`(.*?)`\)/g),
    certificate,
  });
}

/** Starts a proxy on a free port. Resolves with the port, or undefined if the program is missing. */
export const PROXIES: Record<'nginx' | 'caddy' | 'haproxy' | 'traefik', Start> = { nginx, caddy, haproxy, traefik };

/** Starts the app of the example. Resolves with its port. */
export async function startApp(t: Test): Promise<number> {
  const [url = ''] = await startApps(t, process.cwd(), [process.execPath, fileURLToPath(example('app/app.js'))]);
  return Number(new URL(url).port);
}

/** The settings of login.env, without those of this machine. */
export function loginSettings(): Record<string, string> {
  const { HOST, PORT, ...settings } = parseEnv(recipe('login.env')) as Record<string, string>;
  return settings;
}

/** A certificate for the hosts of the recipes. Skips the test if openssl is missing. */
export const certificateOf = (t: Test) => selfSigned(t, [LOGIN, APP]);
