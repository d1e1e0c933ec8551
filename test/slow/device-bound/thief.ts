import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { program } from '../../helpers/programs.ts';

const run = promisify(execFile);

export interface Reply {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends a request. Each header is a line, such as `Cookie: a=b`. */
export type Thief = (method: string, path: string, ...headers: string[]) => Promise<Reply>;

/** A thief who uses curl. Skips the test if curl is missing. */
export function thiefOf(t: Test, origin: string): Thief | undefined {
  const curl = program(t, 'curl');
  if (curl === undefined) {
    return undefined;
  }
  return async (method, path, ...headers) => {
    const args = headers.flatMap((header) => ['--header', header]);
    const { stdout } = await run(curl, ['--silent', '--insecure', '--include', '-X', method, ...args, origin + path]);
    const [head = '', body = ''] = stdout.split('\r\n\r\n', 2);
    return { status: Number(/^HTTP\S+ (\d+)/.exec(head)?.[1]), head, body };
  };
}
