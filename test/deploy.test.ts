import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { parseConfig } from '../src/config.ts';
import { Environment } from '../src/config-schema.ts';
import { program } from './helpers/programs.ts';
import { startRedis } from './helpers/redis-server.ts';
import { ANN, build, cookieOf, signIn, welcome } from './helpers/service.ts';
import { temporaryDirectory } from './helpers/temporary-directory.ts';
import { addUser, openTestStores } from './helpers/users.ts';

// The files for containers, systemd and Kubernetes name settings, routes and times of the service.

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const dockerfile = read('Dockerfile');
const compose = parse(read('compose.yaml'));
const unit = read('examples/deploy/systemd/session-cookie-login.service');
const operation = read('docs/operation.md');
const manifests = parseAllDocuments(read('examples/deploy/kubernetes/login.yaml')).map((document) => document.toJS());
const pod = manifests.find(({ kind }) => kind === 'Deployment').spec.template.spec;
const container = pod.containers[0];

type Variables = Record<string, string>;

/** The variables of `NAME=VALUE` in a text. */
function variables(text: string): Variables {
  return Object.fromEntries([...text.matchAll(/\b([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value]));
}

const imageVariables = variables(/^ENV (.*)$/m.exec(dockerfile)?.[1] ?? '');
const composeVariables: Variables = compose.services.login.environment;
const podVariables: Variables = Object.fromEntries(
  container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
);

/** The time that open requests get after the drain, in seconds. */
const graceSeconds = Number(/GRACE_MS = ([\d_]+)/.exec(read('src/server.ts'))?.[1]?.replace('_', '')) / 1000;

/** The longest time from SIGTERM to the end of the process, in seconds. */
function stopSeconds(env: Variables): number {
  const { DRAIN_SECONDS } = parseConfig({ DRAIN_SECONDS: String(env.DRAIN_SECONDS ?? '') });
  return DRAIN_SECONDS + graceSeconds;
}

t.test('the files for containers and systemd name settings that exist, with valid values', async (t) => {
  const ofSystemd = ['session-cookie-login.service', 'redis.conf'].map((name) =>
    variables(
      read(`examples/deploy/systemd/${name}`)
        .replace(/^(?!Environment=).*$/gm, '')
        .replaceAll('Environment=', ''),
    ),
  );
  const all = {
    image: imageVariables,
    compose: composeVariables,
    pod: podVariables,
    unit: ofSystemd[0] ?? {},
    redis: ofSystemd[1] ?? {},
  };
  for (const [place, given] of Object.entries(all)) {
    const { NODE_ENV = 'production', ...settings } = given;
    t.equal(NODE_ENV, 'production', place);
    for (const name of Object.keys(settings)) {
      t.ok(name in Environment.properties, `${place}: ${name}`);
    }
    // Neither the file of the secret nor the variable of the shell exists here.
    const { STORE_URL_FILE: _, PUBLIC_URL = '', ...values } = settings;
    const texts = Object.entries(values).map(([name, value]) => [name, String(value)]);
    t.ok(parseConfig({ ...Object.fromEntries(texts), PUBLIC_URL: PUBLIC_URL.replace(/^\$\{.*/, '') }), place);
  }
  t.equal(imageVariables.HOST, '0.0.0.0');
  t.ok(
    'STORE_URL_FILE' in composeVariables &&
      'STORE_URL_FILE' in podVariables &&
      'STORE_URL_FILE' in (ofSystemd[1] ?? {}),
  );
});

t.test('the probes and the health check ask routes that exist, on the port of the image', async (t) => {
  const app = await build(t);
  const ofImage = /HEALTHCHECK [^\n]*\\\n.*PORT \+ '(\/\w+)'/.exec(dockerfile)?.[1];
  t.equal(ofImage, '/livez');
  t.equal(container.livenessProbe.httpGet.path, '/livez');
  t.equal(container.readinessProbe.httpGet.path, '/readyz');
  for (const url of ['/livez', '/readyz']) {
    t.equal((await app.inject({ url })).statusCode, 200, url);
  }
  const ports = [/^EXPOSE (\d+)$/m.exec(dockerfile)?.[1], container.ports[0].containerPort, imageVariables.PORT];
  t.same(ports.map(Number), [8080, 8080, 8080]);
  t.match(read('examples/deploy/compose/nginx.conf'), 'proxy_pass http://$login:8080;');
});

t.test('no supervisor sends SIGKILL before the service has drained and stopped', async (t) => {
  t.equal(graceSeconds, 10);
  t.ok(Number.parseInt(compose.services.login.stop_grace_period, 10) > stopSeconds(composeVariables));
  t.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) > stopSeconds({}));
  t.ok(pod.terminationGracePeriodSeconds > stopSeconds(podVariables));
  // As docs/operation.md says: until the probe fails, and five seconds more.
  const { periodSeconds, failureThreshold, timeoutSeconds } = container.readinessProbe;
  t.ok(Number(podVariables.DRAIN_SECONDS) >= periodSeconds * failureThreshold + 5);
  t.ok(timeoutSeconds * 1000 > parseConfig({}).STORE_TIMEOUT_MS);
  for (const [, seconds] of operation.matchAll(/docker stop (?:-t|--time) (\d+)/g)) {
    t.ok(Number(seconds) > stopSeconds({}));
  }
});

t.test(
  'the pods may connect to Redis where the secret in docs/operation.md says it is, outside the cluster',
  async (t) => {
    const [, host] = /rediss:\/\/login:PASSWORD@(\S+)' > store-url/.exec(operation) ?? [];
    const policy = manifests.find(({ kind }) => kind === 'NetworkPolicy');
    const { to } = policy.spec.egress.find(({ ports }: { ports: { port: number }[] }) => ports[0]?.port === 6379);
    t.match(to, [{ ipBlock: { cidr: /^192\.0\.2\.\d+\/32$/ } }]);
    t.match(read('examples/deploy/kubernetes/login.yaml'), `The address of ${host}.`);
  },
);

t.test('no container has root rights or a writable root', async (t) => {
  const [, user] = /^USER (\d+):\1$/m.exec(dockerfile) ?? [];
  t.equal(Number(user), pod.securityContext.runAsUser);
  t.equal(pod.securityContext.runAsNonRoot, true);
  t.equal(container.securityContext.readOnlyRootFilesystem, true);
  t.same(container.securityContext.capabilities.drop, ['ALL']);
  for (const [name, service] of Object.entries<{ read_only: boolean; cap_drop: string[]; ports?: string[] }>(
    compose.services,
  )) {
    t.equal(service.read_only, true, name);
    t.same(service.cap_drop, ['ALL'], name);
    t.equal(service.ports !== undefined, name === 'nginx', 'only nginx publishes ports');
  }
});

t.test('the version of Node in the image fits the package', async (t) => {
  const { engines } = JSON.parse(read('package.json'));
  const major = Number(/^FROM node:(\d+)-/m.exec(dockerfile)?.[1]);
  t.equal(major % 2, 0, 'an LTS line');
  t.ok(major > Number(/>=(\d+)/.exec(engines.node)?.[1]));
});

t.test('the image gets the files that it copies, and no others', async (t) => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = '']) => names.split(' '));
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'));
  t.same(copied.map((name) => name.replace(/\/$/, '')).sort(), allowed.map((line) => line.slice(1)).sort());
  for (const name of copied.filter((name) => !name.includes('*'))) {
    t.ok(existsSync(new URL(`../${name}`, import.meta.url)), name);
  }
});

t.test('the image has the optional packages, and none for development', async (t) => {
  const cwd = temporaryDirectory(t);
  copyFileSync(new URL('../package.json', import.meta.url), `${cwd}/package.json`);
  execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/service-packages.js', import.meta.url))], {
    cwd,
    env: { PATH: process.env.PATH },
  });
  const before = JSON.parse(read('package.json'));
  const after = JSON.parse(readFileSync(`${cwd}/package.json`, 'utf8'));
  t.same(after.dependencies, { ...before.peerDependencies, ...before.dependencies });
  for (const name of ['devDependencies', 'peerDependencies', 'peerDependenciesMeta', 'overrides']) {
    t.notOk(name in after, name);
  }
});

t.test('the user of Redis in compose.yaml has the rights that docs/operation.md lists', async (t) => {
  const [, list = ''] = /and the commands (.*?)are used if they are allowed/s.exec(operation) ?? [];
  const documented = [...list.matchAll(/`([A-Z ]+)`/g)].map(([, name = '']) => name.toLowerCase().replace(' ', '|'));
  const given = [...read('examples/deploy/compose/make-secrets.sh').matchAll(/ \+([a-z|]+)/g)].map(([, name]) => name);
  t.ok(given.length > 15);
  t.same([...given].sort(), documented.sort());
});

t.test('the service does its work with the rights of that user', async (t) => {
  if (program(t, 'openssl') === undefined || program(t, 'redis-server') === undefined) {
    return;
  }
  const cwd = temporaryDirectory(t);
  const script = fileURLToPath(new URL('../examples/deploy/compose/make-secrets.sh', import.meta.url));
  execFileSync('sh', [script, 'login.example.com'], { cwd });
  t.throws(() => execFileSync('sh', [script, 'login.example.com'], { cwd, stdio: 'pipe' }), 'secrets stay as they are');
  for (const { file } of Object.values<{ file: string }>(compose.secrets)) {
    t.ok(existsSync(`${cwd}/${file}`), file);
  }
  const redis = await startRedis(t, ['--appendonly', 'yes', '--aclfile', `${cwd}/secrets/redis-users.acl`]);
  const storeUrl = readFileSync(`${cwd}/secrets/store-url`, 'utf8')
    .trim()
    .replace('redis:6379', `127.0.0.1:${redis?.port}`);
  await addUser(await openTestStores(t, storeUrl), ANN);

  const log: string[] = [];
  const app = await build(t, { log, env: { STORE_URL: storeUrl, DEMO_USERS: 'off', LOG_LEVEL: 'error' } });
  t.equal((await app.inject({ url: '/readyz' })).statusCode, 200);
  const wrong = await app.inject({ method: 'POST', url: '/signin', payload: { ...ANN, password: 'wrong' } });
  t.equal(wrong.statusCode, 401, 'the failure was counted');
  const cookie = await signIn(app, ANN);
  t.equal(await welcome(app, cookie), 200);
  const headers = { cookie };
  t.equal((await app.inject({ url: '/sessions', headers })).statusCode, 200);
  const change = { currentPassword: ANN.password, newPassword: 'another horse, another battery' };
  const changed = await app.inject({ method: 'POST', url: '/password', headers, payload: change });
  t.equal(changed.statusCode, 200);
  const refreshed = await app.inject({ method: 'POST', url: '/refresh', headers: { cookie: cookieOf(changed) } });
  t.equal(refreshed.statusCode, 200);
  const last = { cookie: cookieOf(refreshed) };
  t.equal((await app.inject({ method: 'POST', url: '/logout', headers: last })).statusCode, 200);
  t.equal(await welcome(app, last.cookie), 401);
  t.same(log, []);
});

t.test('systemd accepts the unit, and finds little that it could still forbid', async (t) => {
  const analyze = program(t, 'systemd-analyze');
  if (analyze === undefined) {
    return;
  }
  const file = `${temporaryDirectory(t)}/session-cookie-login.service`;
  writeFileSync(file, unit.replace('/usr/bin/node', process.execPath));
  execFileSync(analyze, ['verify', '--man=no', file], { stdio: 'pipe' });
  // Fails above an exposure level of 2.0, of 10.
  execFileSync(analyze, ['security', '--offline=true', '--threshold=20', file], { stdio: 'pipe' });
  t.pass('both have exited with 0');
});
