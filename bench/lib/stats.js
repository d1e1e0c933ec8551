/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * @param {readonly number[]} values
 * @param {number} share From 0 to 1.
 */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** @param {readonly number[]} values */
export function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/**
 * @template T
 * @param {readonly T[]} items
 * @returns {T[]}
 */
export function shuffled(items) {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [/** @type {T} */ (result[j]), /** @type {T} */ (result[i])];
  }
  return result;
}

/**
 * A statistic of groups of pairs and its 95 % interval, by a bootstrap that draws groups first and pairs within them
 * second: what differs from process to process is part of the doubt.
 * @param {readonly (readonly number[])[]} groups Ratios, by process.
 */
export function ratioOf(groups) {
  const statistic = (/** @type {readonly (readonly number[])[]} */ g) => geometricMean(g.map(median));
  const drawn = Array.from({ length: 2000 }, () =>
    statistic(resample(groups).map((group) => resample(group))),
  );
  return { ratio: statistic(groups), low: percentile(drawn, 0.025), high: percentile(drawn, 0.975) };
}

/**
 * @template T
 * @param {readonly T[]} items
 * @returns {T[]}
 */
function resample(items) {
  return items.map(() => /** @type {T} */ (items[Math.floor(Math.random() * items.length)]));
}
