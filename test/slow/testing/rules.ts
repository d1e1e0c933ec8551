import type { TestFunction } from '../../../src/testing/suite.ts';

type Suite = (test: TestFunction) => Promise<void>;

/** The rules that a suite checks. */
export async function rulesOf(suite: Suite): Promise<string[]> {
  const rules: string[] = [];
  await suite((name) => rules.push(name));
  return rules;
}

/** Runs the tests of a suite one after another. Returns the rules that are broken, with the messages of the failures. */
export async function brokenRules(suite: Suite): Promise<Map<string, string>> {
  const broken = new Map<string, string>();
  let last = Promise.resolve();
  await suite((rule, run) => {
    last = last.then(run).catch((error: Error) => {
      broken.set(rule, error.message);
    });
    return last;
  });
  return broken;
}

export const nextTurn = () => new Promise(setImmediate);
