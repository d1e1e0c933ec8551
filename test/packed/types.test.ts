import { mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../helpers/command-line.ts';
import { emptyFolder, install, installPackage } from '../helpers/packed.ts';

// The published types, on all versions of TypeScript that the package supports. It installs from the npm registry.

const VERSIONS = ['5.4', '5.9', '6', '7'];
/** The declarations of all packages are checked. Those of the language itself, which take half the time, are not. */
const OPTIONS = {
  target: 'es2022',
  types: ['node'],
  strict: true,
  noEmit: true,
  skipLibCheck: false,
  skipDefaultLibCheck: true,
};
const RESOLUTIONS = { nodenext: 'nodenext', bundler: 'esnext' };

const APP = `
import Fastify from 'fastify';
import { crossOriginGuard, MemorySessionStore, requireRecentSignIn, requireSession, sessions, type Session } from 'session-cookie-login';
import { login, MemoryUserStore, type UserStore } from 'session-cookie-login/login';
const app = Fastify();
app.register(crossOriginGuard);
app.register(sessions, { store: new MemorySessionStore() });
app.post('/signin', (_request, reply) => reply.signIn({ username: 'ann', password: 'x' }));
app.post('/refresh', (_request, reply) => reply.refreshSession());
app.get('/list', { onRequest: requireRecentSignIn }, (request) => request.listSessions());
export const users: UserStore = new MemoryUserStore();
export const username = (session: Session): string => session.username;
export { login };
const http2 = Fastify({ http2: true });
http2.get('/', { onRequest: requireSession }, async (request) => request.sessionOrNull?.username);
declare module 'session-cookie-login' {
  interface SessionData { cart?: string[] }
}
export const cart = (session: Session): string[] => session.data.cart ?? [];
`;

/** The app alone imports all of the package: its own `session`, and the entries that concern no other package. */
const OWN = `${APP}
import { openLmdb } from 'session-cookie-login/lmdb';
import { openRedis } from 'session-cookie-login/redis';
import { fastifyOptions, loadConfig, service } from 'session-cookie-login/service';
Fastify(fastifyOptions(loadConfig())).register(service, { config: loadConfig() });
export { openLmdb, openRedis };
app.get('/me', { onRequest: requireSession }, async (request): Promise<string> => request.session.username);
`;

const SECURE_SESSION = `${APP}
import secureSession from '@fastify/secure-session';
app.register(secureSession, { key: Buffer.alloc(32) });
app.get('/me', async (request) => request.session.delete());
`;

const PASSPORT = `
import passport from '@fastify/passport';
app.register(passport.initialize());
app.get('/who', async (request) => request.isAuthenticated());
`;

/** Apps that use other packages beside this one. The types of @fastify/passport need those of @fastify/secure-session. */
const APPS: Record<string, string> = {
  'with-session': `${APP}
    import session from '@fastify/session';
    app.register(session, { secret: 'x'.repeat(32) });
    app.get('/me', async (request) => request.session.destroy());
  `,
  'with-secure-session': SECURE_SESSION,
  'with-passport-and-secure-session': SECURE_SESSION + PASSPORT,
};
const OTHERS = ['@fastify/session', '@fastify/secure-session', '@fastify/passport', '@types/passport'];

/** A page that uses the session client. It has the types of a browser only. */
const PAGE = `
import { fetchWithSession, keepAlive, signOut, type KeepAliveOptions, type SessionError, type TimeLeft } from 'session-cookie-login/client';
const show = (time: TimeLeft | null): string => (time?.canExtend ? String(time.secondsLeft) : '');
const options: KeepAliveOptions = {
  baseUrl: new URL('https://login.example.com'),
  onExpiring: (time) => { document.title = show(time); time?.extend(); },
  onTick: ({ secondsLeft }) => console.log(secondsLeft.toFixed()),
  onEnded: () => location.reload(),
  onError: (error: SessionError) => console.log(error.reply?.status ?? error.message),
};
const { stop } = keepAlive(options);
keepAlive();
stop();
export const notes: Promise<Response> = fetchWithSession('/api/notes', { method: 'PUT', body: 'text' });
export const done: Promise<void> = fetchWithSession(new Request('/api/notes')).then(() => signOut());
// @ts-expect-error: there is no such option.
keepAlive({ onExpired() {} });
`;
const PAGE_OPTIONS = { types: [], lib: ['es2022', 'dom'] };

/** Writes an app with a `tsconfig.json`, and returns its folder. */
function writeApp(
  cwd: string,
  name: string,
  code: string,
  moduleResolution: keyof typeof RESOLUTIONS,
  others = {},
): string {
  const path = `${cwd}/${name}-${moduleResolution}`;
  const compilerOptions = { ...OPTIONS, module: RESOLUTIONS[moduleResolution], moduleResolution, ...others };
  mkdirSync(path);
  writeFileSync(`${path}/app.ts`, code);
  writeFileSync(`${path}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ['app.ts'] }));
  return path;
}

/** The folders of the apps that each version compiles. Beside other packages the two ends are enough. */
function appsByVersion(t: Test): Map<string, string[]> {
  const alone = installPackage(t, 'fastify', '@types/node@20');
  const both = [writeApp(alone, 'alone', OWN, 'nodenext'), writeApp(alone, 'alone', OWN, 'bundler')];
  const apps = new Map(VERSIONS.map((version) => [version, [...both]]));
  apps.get('5.4')?.push(writeApp(alone, 'page', PAGE, 'nodenext', PAGE_OPTIONS));
  apps.get('7')?.push(writeApp(alone, 'page', PAGE, 'bundler', PAGE_OPTIONS));
  const beside = installPackage(t, 'fastify', '@types/node@20', ...OTHERS);
  for (const [name, code] of Object.entries(APPS)) {
    apps.get('5.4')?.push(writeApp(beside, name, code, 'nodenext'));
    apps.get('7')?.push(writeApp(beside, name, code, 'bundler'));
  }
  const oldest = installPackage(t, 'fastify@5.0.0', '@types/node@20');
  apps.get('5.4')?.push(writeApp(oldest, 'oldest-fastify', OWN, 'nodenext'));
  return apps;
}

/** The folder with the compilers. The compiler of a version is the package `typescript-VERSION`. */
function installCompilers(t: Test): string {
  const path = emptyFolder(t);
  install(path, ...VERSIONS.map((version) => `typescript-${version}@npm:typescript@${version}`));
  return path;
}

const compilers = installCompilers(t);
const apps = appsByVersion(t);

// Two compilers at a time. One process compiles all apps of a version, because the first takes longest.
t.jobs = 2;
for (const [version, paths] of apps) {
  t.test(`the published types compile with skipLibCheck false on TypeScript ${version}`, async (t) => {
    const tsc = `${compilers}/node_modules/typescript-${version}/bin/tsc`;
    const { code, out } = await run([process.execPath, tsc, '--build', '--force', '--verbose', ...paths], {});
    t.equal(code, 0, out);
    for (const path of paths) {
      t.match(out, new RegExp(`Building project '.*/${basename(path)}/tsconfig\\.json'`));
    }
  });
}
