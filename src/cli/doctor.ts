import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type Config, isHttps, loadConfig } from '../config.ts';
import { ENV_FILE } from '../config-files.ts';
import { requirePackages } from '../packages.ts';
import type { CliCommand, Io } from './command.ts';
import { checkStore } from './doctor-store.ts';
import { othersCanRead } from './file-modes.ts';
import type { Finding } from './finding.ts';
import { engines, version } from './manifest.ts';
import { messageOf } from './terminal.ts';

const HELP = `
It reads the settings of the service, the store, and the files of both, and requests PUBLIC_URL. It changes no user
and no session.
The exit code is 1 if there is an error, and 0 if there are only warnings.`;

/** How long PUBLIC_URL may take to answer, in milliseconds. */
const REQUEST_MS = 5000;

export function addDoctorCommand(program: CliCommand): void {
  program
    .command('doctor')
    .description('check the settings, the store, file permissions and the public URL')
    .addHelpText('after', HELP)
    .action(doctor);
}

async function doctor(_options: object, command: CliCommand): Promise<void> {
  const { io } = command;
  for await (const finding of findings(io)) {
    const { status, check, message } = finding;
    command.printResult({ text: `${status.padEnd(8)}${check}: ${message}`, data: finding });
    if (status === 'error') {
      io.exitCode = 1;
    }
  }
}

async function* findings({ env }: Io): AsyncGenerator<Finding> {
  yield await checkNode();
  let config: Config;
  try {
    config = loadConfig(env);
  } catch (error) {
    yield* messageOf(error)
      .split('\n')
      .map((message) => ({ check: 'settings' as const, status: 'error' as const, message }));
    return;
  }
  yield { check: 'settings', status: 'ok', message: 'valid' };
  yield* checkFiles(config);
  yield* checkProxy(config);
  yield* checkStore(config);
  yield await checkPublicUrl(config);
}

/** Whether the package supports this version of Node.js. npm asks only when it installs the package. */
export async function checkNode(node = process.versions.node): Promise<Finding> {
  requirePackages('The command doctor', ['semver']);
  const { satisfies } = (await import('semver')).default;
  const message = `version ${version} on Node.js ${node}`;
  return satisfies(node, engines.node)
    ? { check: 'versions', status: 'ok', message }
    : { check: 'versions', status: 'error', message: `${message}: it needs Node.js ${engines.node}` };
}

/** Files that may hold the password of the store. */
function* checkFiles({ STORE_URL_FILE }: Config): Generator<Finding> {
  for (const file of [ENV_FILE, STORE_URL_FILE].filter((file) => existsSync(file))) {
    yield othersCanRead(file)
      ? {
          check: 'files',
          status: 'warning',
          message: `other users of the machine can read ${file}: chmod o= ${file}`,
        }
      : { check: 'files', status: 'ok', message: `other users of the machine cannot read ${file}` };
  }
}

function* checkProxy(config: Config): Generator<Finding> {
  const { HOST, LISTEN, PUBLIC_URL, TRUST_PROXY } = config;
  const https = isHttps(config);
  const { hostname } = new URL(PUBLIC_URL);
  const isLocal = /^(localhost|127\..*|\[::1\])$/.test(hostname);
  if (!https && !isLocal) {
    yield {
      check: 'proxy',
      status: 'error',
      message: `PUBLIC_URL is ${PUBLIC_URL}: without https, others in the network can read passwords and cookies`,
    };
  } else if (https && TRUST_PROXY === 'off') {
    yield {
      check: 'proxy',
      status: 'error',
      message:
        'PUBLIC_URL is https, so a proxy terminates TLS, and TRUST_PROXY is off: all clients share the limits of its address',
    };
  } else if (TRUST_PROXY === 'on' && LISTEN === 'tcp' && /^(0\.0\.0\.0|::)$/.test(HOST)) {
    yield {
      check: 'proxy',
      status: 'warning',
      message: `TRUST_PROXY is on and HOST is ${HOST}: a client that reaches the port directly can forge its address`,
    };
  } else {
    yield { check: 'proxy', status: 'ok', message: `PUBLIC_URL is ${PUBLIC_URL} and TRUST_PROXY is ${TRUST_PROXY}` };
  }
}

/** Whether a request to PUBLIC_URL reaches the service, with its path. */
async function checkPublicUrl({ PUBLIC_URL, TRUST_PROXY }: Config): Promise<Finding> {
  const url = `${PUBLIC_URL}/session`;
  const id = randomUUID();
  let reply: Response;
  let text: string;
  try {
    const headers = { 'x-request-id': id };
    reply = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(REQUEST_MS) });
    text = await reply.text();
  } catch (error) {
    // The cause names the reason: the error itself is "fetch failed".
    const reason = [error, (error as Error).cause].filter((err) => err instanceof Error).at(-1)?.message;
    return { check: 'public url', status: 'warning', message: `${url} cannot be requested from here: ${reason}` };
  }
  if (reply.status !== 401 || !text.includes('"NOT_SIGNED_IN"')) {
    return {
      check: 'public url',
      status: 'error',
      message: `${url} is answered with ${reply.status}, not by the service`,
    };
  }
  // The service keeps the id of a trusted proxy only.
  if (TRUST_PROXY !== 'off' && reply.headers.get('x-request-id') !== id) {
    return {
      check: 'public url',
      status: 'warning',
      message: `the service answers at ${PUBLIC_URL} and does not trust the proxy: TRUST_PROXY is ${TRUST_PROXY}, or the proxy replaces X-Request-Id`,
    };
  }
  return { check: 'public url', status: 'ok', message: `the service answers at ${PUBLIC_URL}` };
}
