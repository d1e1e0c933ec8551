import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { accepting } from './redis-server.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export interface CaddyOptions {
  /** The path of the program. */
  readonly caddy: string;
  /** A port of 127.0.0.1 that the configuration listens on. */
  readonly port: number;
  /** The text of the Caddyfile. */
  readonly config: string;
}

/** Starts Caddy with its files in a new directory, and ends it with the test. */
export async function startCaddy(t: Test, { caddy, port, config }: CaddyOptions): Promise<void> {
  const dir = temporaryDirectory(t);
  writeFileSync(`${dir}/Caddyfile`, config);
  const child = spawn(caddy, ['run', '--adapter', 'caddyfile', '--config', `${dir}/Caddyfile`], {
    stdio: 'ignore',
    // Its default port for commands may be in use.
    env: { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir, CADDY_ADMIN: `unix/${dir}/admin.sock` },
  });
  const exited = once(child, 'exit');
  t.teardown(() => {
    child.kill('SIGTERM');
    return exited;
  });
  await accepting(port);
}
