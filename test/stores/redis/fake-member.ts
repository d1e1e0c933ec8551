import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** What a Sentinel says about the primary. */
export interface Named {
  port: number;
  epoch: number;
}

/** A Sentinel that says what the test wants. */
export interface FakeSentinel {
  readonly port: number;
  /** The commands that it received, as words. */
  readonly commands: string[][];
  /** What it answers. */
  answer: Named | Error;
}

export async function startFakeSentinel(t: Test, answer: FakeSentinel['answer'], port = 0): Promise<FakeSentinel> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk;
      const [commands, rest] = takeCommands(text);
      text = rest;
      for (const words of commands) {
        fake.commands.push(words);
        socket.write(reply(words, fake.answer));
      }
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  const fake: FakeSentinel = { port: (server.address() as AddressInfo).port, commands: [], answer };
  return fake;
}

/** Splits what has arrived into whole commands, and what is left of the next one. */
function takeCommands(text: string): [string[][], string] {
  const commands: string[][] = [];
  let rest = text;
  for (;;) {
    const lines = rest.split('\r\n');
    const count = Number(lines[0]?.slice(1));
    if (lines.length <= 1 + 2 * count) {
      return [commands, rest];
    }
    const words = lines.slice(1, 1 + 2 * count).filter((_, i) => i % 2 === 1);
    commands.push(words);
    rest = lines.slice(1 + 2 * count).join('\r\n');
  }
}

function reply([name = '']: string[], answer: FakeSentinel['answer']): string {
  if (name.toUpperCase() !== 'SENTINEL') {
    return '+OK\r\n';
  }
  if (answer instanceof Error) {
    return `-${answer.message}\r\n`;
  }
  const fields = ['ip', '127.0.0.1', 'port', String(answer.port), 'config-epoch', String(answer.epoch)];
  return `*${fields.length}\r\n${fields.map((field) => `+${field}\r\n`).join('')}`;
}
