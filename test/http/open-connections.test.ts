import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import t from 'tap';
import { OpenConnections } from '../../src/http/open-connections.ts';

t.test('a client may take a minute to read its replies', async (t) => {
  const socket = Object.assign(new EventEmitter(), { writableLength: 1, destroyed: false, destroy() {} });
  socket.destroy = () => {
    socket.destroyed = true;
  };
  const open = new OpenConnections(10);
  open.add(socket as unknown as Socket);
  open.closeUnread(0);
  open.closeUnread(60_000);
  t.equal(socket.destroyed, false);
  socket.writableLength = 0;
  open.closeUnread(60_001);
  socket.writableLength = 1;
  open.closeUnread(60_002);
  open.closeUnread(120_002);
  t.equal(socket.destroyed, false, 'the minute starts again when all was read');
  open.closeUnread(120_003);
  t.equal(socket.destroyed, true);
});

t.test(
  'a closing server soon closes a connection with a hijacked reply, and waits for the rest of a request',
  async (t) => {
    const socketOf = (bytesRead: number) => {
      const socket = Object.assign(new EventEmitter(), { bytesRead, destroyed: false, destroy() {} });
      socket.destroy = () => {
        socket.destroyed = true;
        socket.emit('close');
      };
      return socket;
    };
    const [hijacked, partial] = [socketOf(100), socketOf(0)];
    const open = new OpenConnections(10);
    for (const socket of [hijacked, partial]) {
      open.add(socket as unknown as Socket);
    }
    open.addRequest(hijacked as unknown as Socket, { writableFinished: true } as ServerResponse);
    partial.bytesRead = 50;
    const hijackedClosed = once(hijacked, 'close');
    const closed = open.closeAll();
    await hijackedClosed;
    t.equal(partial.destroyed, false);
    partial.destroy();
    await closed;
  },
);
