import { writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { startListening } from './ports.ts';
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
  await startListening(t, port, caddy, ['run', '--adapter', 'caddyfile', '--config', `${dir}/Caddyfile`], {
    // Its default port for commands may be in use.
    env: { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir, CADDY_ADMIN: `unix/${dir}/admin.sock` },
  });
}
