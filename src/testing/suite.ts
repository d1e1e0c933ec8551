import type { MaybePromise } from '../types.ts';

/** Registers a test. `t.test` of tap and `test` of node:test and of Vitest fit. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown;

/**
 * The checks of a contract. The name of a check is the rule that it checks, in one sentence without a full stop. The
 * signal aborts when the check has taken too long: a loop must then end.
 */
export type Checks<S> = Readonly<Record<string, (subject: S, signal: AbortSignal) => Promise<void>>>;

export interface Suite<S> {
  readonly contract: string;
  readonly checks: Checks<S>;
  open(): MaybePromise<S>;
  close(subject: S): MaybePromise<void>;
}

/** How long a check may take. A check of a store with a deadlock would never end. */
const LIMIT_MS = 30_000;

/** Registers a test for each check. Resolves when the framework has run them, if its test function returns a promise. */
export async function runChecks<S>(test: TestFunction, suite: Suite<S>, limitMs = LIMIT_MS): Promise<void> {
  const tests = Object.entries(suite.checks).map(([rule, check]) =>
    test(rule, async () => {
      const subject = await within(limitMs, async () => suite.open()).catch((err) => {
        throw brokenContract(suite.contract, rule, err);
      });
      const [checked] = await Promise.allSettled([within(limitMs, (signal) => check(subject, signal))]);
      const [closed] = await Promise.allSettled([within(limitMs, async () => suite.close(subject))]);
      for (const outcome of [checked, closed]) {
        if (outcome.status === 'rejected') {
          throw brokenContract(suite.contract, rule, outcome.reason);
        }
      }
    }),
  );
  await Promise.all(tests);
}

/** Rejects, and aborts the signal, if the run does not end within the limit. */
async function within<T>(limitMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      controller.abort();
      reject(new Error(`A method of the store did not answer within ${limitMs / 1000} seconds.`));
    }, limitMs);
  });
  try {
    return await Promise.race([run(controller.signal), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** The first line of the message is the rule. The next ones say what was found instead. */
function brokenContract(contract: string, rule: string, cause: unknown): Error {
  const details = cause instanceof Error ? cause.message : String(cause);
  return new Error(`The contract of ${contract} says: ${rule}.\n${details}`, { cause });
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

export async function all<T>(items: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) {
    found.push(item);
  }
  return found;
}

/** Tries to change objects that a store was given or has returned. */
export function changeInPlace(objects: readonly (object | undefined)[], changes: object): void {
  for (const object of objects) {
    try {
      Object.assign(object ?? {}, changes);
    } catch {
      // A frozen object is as good as a copy.
    }
  }
}

/** Strings that a store may handle wrongly, as ids, names or values. */
export const STRANGE_STRINGS: Readonly<Record<string, string>> = {
  empty: '',
  spaces: '  a  b  ',
  quotes: `"'\`"`,
  'colons and slashes': 'a:b::c/../d\\e',
  'globs and hashes': '*?[a-z]#{tag}',
  NUL: 'a\0b\0',
  'line breaks': 'a\r\nb\u2028c',
  'the name of an inherited property': '__proto__',
  emoji: '👩‍👩‍👧‍👦',
  'a lone surrogate': '\ud800',
  'another lone surrogate': '\udfff',
  'the replacement character': '\ufffd',
  'composed letters': 'é',
  'decomposed letters': 'e\u0301',
  '1,024 letters': 'x'.repeat(1024),
  '1,024 letters and one other': `${'x'.repeat(1023)}y`,
  '1,024 wide characters': '漢'.repeat(1024),
  'upper case': 'USER1',
  'lower case': 'user1',
};
