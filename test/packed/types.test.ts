import { mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import t, { type Test } from 'tap';
import { WITHOUT_TAP } from '../helpers/built-command.ts';
import { run } from '../helpers/command-line.ts';
import { emptyFolder, install, installPackage, output } from '../helpers/packed.ts';

// The published types, on all versions of TypeScript that the package supports. It installs from the npm registry.

const VERSIONS = ['5.4', '5.9', '6', '7'];
const OPTIONS = { target: 'es2022', types: ['node'], strict: true, noEmit: true, skipLibCheck: false };
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

/** Apps, and the packages that they use beside this one. */
const APPS: Record<string, { code: string; packages: string[] }> = {
  alone: { code: OWN, packages: [] },
  'with @fastify/session': {
    code: `${APP}
      import session from '@fastify/session';
      app.register(session, { secret: 'x'.repeat(32) });
      app.get('/me', async (request) => request.session.destroy());
    `,
    packages: ['@fastify/session'],
  },
  'with @fastify/secure-session': { code: SECURE_SESSION, packages: ['@fastify/secure-session'] },
  // The types of @fastify/passport need those of @fastify/secure-session.
  'with @fastify/passport and @fastify/secure-session': {
    code: SECURE_SESSION + PASSPORT,
    packages: ['@fastify/passport', '@types/passport', '@fastify/secure-session'],
  },
};

/** A page that uses the session client. */
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

/** The paths of the compilers, by version. */
function compilers(t: Test, versions = VERSIONS): Map<string, string> {
  return new Map(
    versions.map((version) => {
      const path = emptyFolder(t);
      install(path, `typescript@${version}`);
      return [version, `${path}/node_modules/typescript/bin/tsc`];
    }),
  );
}

/** Writes the app and a `tsconfig.json` for each way to resolve modules. Returns the folders. */
function writeApp(cwd: string, code: string): string[] {
  return Object.entries(RESOLUTIONS).map(([moduleResolution, module]) => {
    const path = `${cwd}/${moduleResolution}`;
    const compilerOptions = { ...OPTIONS, module, moduleResolution };
    mkdirSync(path);
    writeFileSync(`${path}/app.ts`, code);
    writeFileSync(`${path}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ['app.ts'] }));
    return path;
  });
}

t.test('the published types compile with skipLibCheck false', async (t) => {
  const tscs = compilers(t);
  for (const [name, { code, packages }] of Object.entries(APPS)) {
    const paths = writeApp(installPackage(t, 'fastify', '@types/node@20', ...packages), code);
    const matrix = [...tscs.keys()].flatMap((version) => paths.map((path) => ({ version, path })));
    // Each takes some seconds. Beside other packages the two ends are enough.
    const ends = [matrix.at(0), matrix.at(-1)] as typeof matrix;
    for (const pair of pairs(packages.length === 0 ? matrix : ends)) {
      await Promise.all(
        pair.map(async ({ version, path }) => {
          const { code: exitCode, out } = await run(
            [...WITHOUT_TAP, process.execPath, tscs.get(version) ?? ''],
            {},
            '',
            path,
          );
          t.equal(exitCode, 0, `${name}, TypeScript ${version}, ${basename(path)}: ${out}`);
        }),
      );
    }
  }
});

/** Two compilers at a time. */
function pairs<T>(all: T[]): T[][] {
  return Array.from({ length: all.length / 2 }, (_, index) => all.slice(2 * index, 2 * index + 2));
}

t.test('the published types compile with the oldest Fastify', async (t) => {
  const [tsc = ''] = compilers(t, ['5.4']).values();
  const cwd = installPackage(t, 'fastify@5.0.0', '@types/node@20');
  writeFileSync(`${cwd}/app.ts`, OWN);
  const options = '--noEmit --strict --skipLibCheck false --module nodenext --target es2022 --types node'.split(' ');
  t.doesNotThrow(() => output(cwd, process.execPath, tsc, ...options, 'app.ts'));
});

t.test('the types of the session client need those of a browser only', async (t) => {
  const tscs = compilers(t, [VERSIONS[0] as string, VERSIONS.at(-1) as string]);
  const cwd = installPackage(t);
  writeFileSync(`${cwd}/page.ts`, PAGE);
  for (const [version, tsc] of tscs) {
    for (const [moduleResolution, module] of Object.entries(RESOLUTIONS)) {
      const options = ['--module', module, '--moduleResolution', moduleResolution, '--target', 'es2022', '--types', ''];
      const strict = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--lib', 'es2022,dom'];
      t.equal(
        output(cwd, process.execPath, tsc, ...options, ...strict, 'page.ts'),
        '',
        `${version} ${moduleResolution}`,
      );
    }
  }
});
