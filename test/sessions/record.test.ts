import t from 'tap';
import { isLive, toSession } from '../../src/sessions/record.ts';
import { record } from '../helper.ts';

t.test('a session shows nothing of its secret', async (t) => {
  const { secretHash: _, ...rest } = record();
  t.same(toSession(record()), rest);
});

t.test('a session is live until the first of its deadlines, to the millisecond', async (t) => {
  const session = record({ expiresAt: 2000, endsAt: 3000 });
  t.ok(isLive(session, 1999));
  t.notOk(isLive(session, 2000));
  t.notOk(
    isLive(record({ expiresAt: 4000, endsAt: 3000 }), 3000),
    'whatever a store says of the idle deadline',
  );
});
