import { EventEmitter } from 'node:events';
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
