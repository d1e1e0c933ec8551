import t from 'tap';
import { testSessionStore } from '../../../src/exports/testing.ts';
import { MemorySessionStore } from '../../../src/stores/memory/session-store.ts';
import type { TestFunction } from '../../../src/testing/suite.ts';
import { stubStore } from '../../helpers/service.ts';
import { type Break, brokenSessionStores } from './broken-session-stores.ts';
import { moreBrokenSessionStores } from './more-broken-session-stores.ts';
import { brokenRules, rulesOf } from './rules.ts';

const suite = (breakIt: Break) => (test: TestFunction) =>
  testSessionStore(test, () => {
    const store = new MemorySessionStore();
    return stubStore(store, breakIt(store));
  });

t.test('a store that keeps the contract passes', async (t) => {
  t.same([...(await brokenRules(suite(() => ({}))))], []);
});

t.test('for each rule, a store that breaks it fails with the rule as the message', async (t) => {
  const rules = await rulesOf(suite(() => ({})));
  t.same(Object.keys(brokenSessionStores).sort(), rules.sort());
  for (const [rule, breakIt] of Object.entries(brokenSessionStores)) {
    const broken = await brokenRules(suite(breakIt));
    t.equal(broken.get(rule)?.split('\n', 1)[0], `The contract of SessionStore says: ${rule}.`);
  }
});

t.test('a store with another mistake fails', async (t) => {
  for (const [mistake, breakIt] of Object.entries(moreBrokenSessionStores)) {
    t.not((await brokenRules(suite(breakIt))).size, 0, mistake);
  }
});
