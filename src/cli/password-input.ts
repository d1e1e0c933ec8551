import { text } from 'node:stream/consumers';
import { read } from 'read';
import { quote } from '../users/accounts.ts';
import { WrongUse } from './wrong-use.ts';

/** A new password: asked for twice on a terminal, without an echo, or all of standard input but its last line break. */
export async function readNewPassword(username: string): Promise<string> {
  if (!process.stdin.isTTY) {
    return (await text(process.stdin)).replace(/\r?\n$/, '');
  }
  const password = await ask(`New password for ${quote(username)}: `);
  if ((await ask('The same again: ')) !== password) {
    throw new WrongUse('The two are not the same.');
  }
  return password;
}

function ask(prompt: string): Promise<string> {
  return read({ prompt, silent: true, output: process.stderr });
}
