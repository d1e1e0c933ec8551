import type { TestFunction } from '../../src/testing/suite.ts';

type Suite = (test: TestFunction) => Promise<void>;

/** The rules that a suite checks. */
export async function rulesOf(suite: Suite): Promise<string[]> {
  const rules: string[] = [];
  await suite((name) => rules.push(name));
  return rules;
}

/** Runs a suite. Returns the rules that are broken, with the messages of the failures. */
export async function brokenRules(suite: Suite): Promise<Map<string, string>> {
  const broken = new Map<string, string>();
  await suite(async (name, run) => {
    try {
      await run();
    } catch (error) {
      broken.set(name, (error as Error).message);
    }
  });
  return broken;
}

export const nextTurn = () => new Promise(setImmediate);
