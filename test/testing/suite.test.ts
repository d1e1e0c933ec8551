import t from 'tap';
import { testSessionStore } from '../../src/exports/testing.ts';
import { MemorySessionStore } from '../../src/stores/memory/session-store.ts';
import { runChecks } from '../../src/testing/suite.ts';
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

t.test('a failure that is no Error is shown as well', async (t) => {
  const checks = { 'it answers': () => Promise.reject('no answer') };
  const broken = await brokenRules((test) =>
    runChecks(
      test,
      'Something',
      checks,
      () => 'it',
      () => {},
    ),
  );
  t.same([...broken], [['it answers', 'The contract of Something says: it answers.\nno answer']]);
});
