import t from 'tap';
import { newClient } from '../../../src/stores/redis/client.ts';

t.test('the clients of all servers have one class for each protocol: making one blocks the event loop', async (t) => {
  const make = (port: number, tracking: boolean) => newClient({ socket: { host: '127.0.0.1', port } }, tracking, 1000);
  t.equal(make(1, true).constructor, make(2, true).constructor);
  t.equal(make(1, false).constructor, make(2, false).constructor);
  t.not(make(1, true).constructor, make(1, false).constructor);
  t.match(make(1, true).options, { RESP: 3, emitInvalidate: true, disableOfflineQueue: true });
  t.match(make(1, false).options, { RESP: 2, emitInvalidate: false, disableOfflineQueue: true });
});
