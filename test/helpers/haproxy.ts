import { writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { startListening } from './ports.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export interface HaproxyOptions {
  /** The path of the program. */
  readonly haproxy: string;
  /** A port of 127.0.0.1 that the configuration listens on. */
  readonly port: number;
  /** Returns the text of the configuration. `lua` is the path of the file with the script. */
  readonly config: (lua: string) => string;
  readonly script: string;
}

/** Starts HAProxy with its files in a new directory, and ends it with the test. */
export async function startHaproxy(t: Test, { haproxy, port, config, script }: HaproxyOptions): Promise<void> {
  const dir = temporaryDirectory(t);
  writeFileSync(`${dir}/script.lua`, script);
  writeFileSync(`${dir}/haproxy.cfg`, config(`${dir}/script.lua`));
  await startListening(t, port, haproxy, ['-db', '-f', `${dir}/haproxy.cfg`]);
}
