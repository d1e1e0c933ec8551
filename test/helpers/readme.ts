import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Test } from 'tap';
import { program } from './programs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Returns the code blocks of one language in a page of Markdown. */
export function codeBlocks(page: string, language: string): string[] {
  return [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , block = '']) => block);
}

/** Resolves with the first URL that a program prints, alone on a line or in a line of its log. */
export async function firstUrl(output: Readable): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [url] = /http:\/\/[^\s"]+:\d+/.exec(line) ?? [];
    if (url !== undefined) {
      // Nobody reads the rest. Without this a full pipe would block the program.
      output.resume();
      return url;
    }
  }
  throw new Error('the program ended without printing its URL');
}

/** Ids and times differ in each run. */
function masked(output: string): string {
  return output.replace(/"id":"[\w-]{22}"/g, '"id":"…"').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…');
}

/** Runs the `console` blocks of a page against a service on this port, and compares what the commands print. */
export function runCommandsOf(t: Test, page: string, port: number): void {
  if (program(t, 'curl') === undefined) {
    return;
  }
  const cwd = temporaryDirectory(t);
  const steps = codeBlocks(page, 'console').flatMap((block) => block.split(/^\$ /m).slice(1));
  t.ok(steps.length >= 5);
  for (const step of steps) {
    const [command = '', ...output] = step.trim().split('\n');
    const local = command.replace('localhost:8080', `127.0.0.1:${port}`).replace(/^curl/, 'curl --silent --show-error');
    const printed = execFileSync('sh', ['-c', local], { cwd, encoding: 'utf8' });
    t.equal(masked(printed), masked(output.join('\n')), command);
  }
}
