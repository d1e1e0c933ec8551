import t from 'tap';
import { testSessionStore } from '../../src/exports/testing.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { raceChecks } from '../../src/testing/session-race-checks.ts';
import { runChecks } from '../../src/testing/suite.ts';
import { stubStore } from '../helpers/service.ts';
import { brokenRules, rulesOf } from '../slow/testing/rules.ts';

// test/slow/testing has a broken store for each rule.

class NeverReplaces extends MemorySessionStore {
  override replace(): boolean {
    return false;
  }
}

t.test('a store that breaks a rule fails with the rule as the message', async (t) => {
  const broken = await brokenRules((test) => testSessionStore(test, () => new NeverReplaces()));
  const rules = await rulesOf((test) => testSessionStore(test, () => new NeverReplaces()));
  t.ok(broken.size > 3 && broken.size < rules.length, 'rules that hold pass');
  for (const [rule, message] of broken) {
    t.ok(message.startsWith(`The contract of SessionStore says: ${rule}.\n`), message);
  }
  t.match([...broken.values()].join('\n'), 'replace failed 100 times');
});

const something = { contract: 'Something', open: () => 'it', close: () => {} };

t.test('a failure that is no Error is shown as well', async (t) => {
  const checks = { 'it answers': () => Promise.reject('no answer') };
  const broken = await brokenRules((test) => runChecks(test, { ...something, checks }));
  t.same([...broken], [['it answers', 'The contract of Something says: it answers.\nno answer']]);
});

t.test('a check ends, and its loop with it, although a method of the store never answers', async (t) => {
  const rule = 'listByUser never misses a live session while others start and end';
  let lists = 0;
  const open = () => {
    const store = new MemorySessionStore();
    return stubStore(store, {
      remove: (id) => (id.startsWith('passing-3') ? new Promise<boolean>(() => {}) : store.remove(id)),
      listByUser: (owner) => {
        lists++;
        return store.listByUser(owner);
      },
    });
  };
  const checks = { [rule]: raceChecks[rule] as (typeof raceChecks)[string] };
  const suite = { contract: 'SessionStore', checks, open, close: () => {} };
  const broken = await brokenRules((test) => runChecks(test, suite, 200));
  const message = `The contract of SessionStore says: ${rule}.\nA method of the store did not answer within 0.2 seconds.`;
  t.same([...broken], [[rule, message]]);
  // The loop may be in one last round.
  await new Promise(setImmediate);
  const before = lists;
  for (let turn = 0; turn < 10; turn++) {
    await new Promise(setImmediate);
  }
  t.equal(lists, before, 'the loop has ended');
});

t.test('an open or a close that never answers fails, too', async (t) => {
  const checks = { 'it answers': async () => {} };
  const never = () => new Promise<never>(() => {});
  for (const method of ['open', 'close']) {
    const suite = { ...something, checks, [method]: never };
    const broken = await brokenRules((test) => runChecks(test, suite, 20));
    t.match(
      broken.get('it answers'),
      /^The contract of Something says: it answers\.\nA method of the store did not answer /,
      method,
    );
  }
});
