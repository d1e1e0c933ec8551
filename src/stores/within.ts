import type { Milliseconds } from '../sessions/record.ts';

/** The answer, or a rejection that says who gave none within `timeoutMs`. */
export function within<T>(timeoutMs: Milliseconds, answer: PromiseLike<T>, who: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`${who} gave no answer within ${timeoutMs} ms`));
    // One turn later: when this process itself was held up, an answer that lies there already still counts.
    const timer = setTimeout(() => setImmediate(late), timeoutMs);
    Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
