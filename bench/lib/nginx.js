import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { scratchDirectory, start } from './children.js';

// Debian's program is not in the PATH of every user.
const env = { PATH: `${process.env.PATH}:/usr/sbin` };

/** Whether nginx is installed, with the module that makes the subrequests. */
export const hasNginx = () => spawnSync('nginx', ['-V'], { env, encoding: 'utf8' }).stderr?.includes('auth_request');

/** Starts nginx as a single process. `http` is the content of that block, `port` one that it listens on. */
export async function startNginx(/** @type {string} */ http, /** @type {number} */ port) {
  const directory = scratchDirectory();
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`);
  writeFileSync(
    `${directory}/nginx.conf`,
    `daemon off; master_process off; pid nginx.pid; error_log stderr;
    events { worker_connections 1024; }
    http { access_log off; ${paths.join(' ')} ${http} }`,
  );
  const child = start(['nginx', '-p', directory, '-c', 'nginx.conf', '-e', 'stderr'], { env });
  await Promise.race([accepting(port), child.died()]);
  return child;
}

async function accepting(/** @type {number} */ port) {
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) {
      return;
    }
    await sleep(50);
  }
  throw new Error(`nginx does not accept connections on port ${port}`);
}
