/** @typedef {readonly number[]} Numbers */

export function median(/** @type {Numbers} */ values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** `share` is from 0 to 1. */
export function percentile(/** @type {Numbers} */ values, /** @type {number} */ share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/**
 * @template T
 * @param {readonly T[]} items
 */
export function shuffled(items) {
  const keyed = items.map((item) => ({ item, key: Math.random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/**
 * The geometric mean of the medians of all groups, one a process, and its 95 % interval. The bootstrap draws groups
 * first and values within them second, because the difference between processes is part of the uncertainty.
 */
export function ratioOf(/** @type {readonly Numbers[]} */ groups) {
  const draws = Array.from({ length: 2000 }, () => meanOfMedians(resample(groups).map(resample)));
  return { ratio: meanOfMedians(groups), low: percentile(draws, 0.025), high: percentile(draws, 0.975) };
}

function meanOfMedians(/** @type {readonly Numbers[]} */ groups) {
  return Math.exp(groups.reduce((sum, group) => sum + Math.log(median(group)), 0) / groups.length);
}

/**
 * @template T
 * @param {readonly T[]} items
 */
function resample(items) {
  return items.map(() => items[Math.floor(Math.random() * items.length)]);
}
