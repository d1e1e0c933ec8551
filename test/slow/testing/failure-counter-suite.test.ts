import t from 'tap';
import { testFailureCounter } from '../../../src/exports/testing.ts';
import { openMemoryFailureCounter } from '../../../src/stores/memory/failure-counter.ts';
import { brokenFailureCounters } from './broken-failure-counters.ts';
import { brokenRules, rulesOf } from './rules.ts';

t.test('a counter that keeps the contract passes', async (t) => {
  t.same([...(await brokenRules((test) => testFailureCounter(test, openMemoryFailureCounter)))], []);
});

t.test('for each rule, a counter that breaks it fails with the rule as the message', async (t) => {
  const rules = await rulesOf((test) => testFailureCounter(test, openMemoryFailureCounter));
  t.same(Object.keys(brokenFailureCounters).sort(), rules.sort());
  // All at once: each suite waits a second for a window to end.
  const suites = Object.entries(brokenFailureCounters).map(async ([rule, open]) => {
    const broken = await brokenRules((test) => testFailureCounter(test, open));
    t.equal(broken.get(rule)?.split('\n', 1)[0], `The contract of FailureCounter says: ${rule}.`);
  });
  await Promise.all(suites);
});

t.test('the suite uses other names of counters each time, so that a store need not be empty', async (t) => {
  const names: string[] = [];
  const run = () =>
    brokenRules((test) =>
      testFailureCounter(test, (name, windowSeconds) => {
        names.push(name);
        return openMemoryFailureCounter(name, windowSeconds);
      }),
    );
  await Promise.all([run(), run()]);
  t.ok(names.length > 0);
  t.equal(new Set(names).size, names.length);
});
