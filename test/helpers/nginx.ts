import { chmodSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { startListening } from './ports.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export interface NginxOptions {
  /** The path of the program. */
  readonly nginx: string;
  /** The port to listen on, of 127.0.0.1. */
  readonly port: number;
  /** What is in the block `http`, before the server. */
  readonly http?: string;
  /** What is in the block `server`. Default: there is no such block, and `http` has one that listens on the port. */
  readonly server?: string;
}

/** Starts nginx with its files in a new directory, and ends it with the test. */
export async function startNginx(t: Test, { nginx, port, http = '', server }: NginxOptions): Promise<void> {
  const dir = temporaryDirectory(t);
  // Its workers run as another user if the tests run as root. They write large bodies to files.
  chmodSync(dir, 0o755);
  const config = `${dir}/nginx.conf`;
  writeFileSync(
    config,
    `daemon off; pid ${dir}/pid; error_log ${dir}/error.log; events { worker_connections 512; }
    http {
      access_log off; client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy;
      fastcgi_temp_path ${dir}/fastcgi; uwsgi_temp_path ${dir}/uwsgi; scgi_temp_path ${dir}/scgi;
      ${http}
      ${server === undefined ? '' : `server { listen 127.0.0.1:${port}; ${server} }`}
    }`,
  );
  await startListening(t, port, nginx, ['-c', config, '-e', `${dir}/error.log`]);
}
