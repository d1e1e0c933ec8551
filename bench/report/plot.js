import { median } from '../lib/stats.js';
import { ratiosOf } from './tables.js';

const WIDTH = 900;
const ROW = 26;
const LEFT = 330;
const RIGHT = 60;
const TOP = 50;

/**
 * The ratios to bare Fastify as bars, with the range over the rounds as a line.
 * @param {import('../parts/table.js').Row[]} rows
 */
export function plot(rows) {
  const bars = ratiosOf(rows).map(({ row: { entry }, ratios }) => ({
    title: entry.title,
    isOurs: entry.id.startsWith('ours'),
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
  }));
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(1, ...bars.map(({ high }) => high));
  const height = TOP + bars.length * ROW + 20;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    '<title>Requests a second to GET /welcome, as ratios to bare Fastify</title>',
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="20" y="28" font-size="16" font-weight="bold">GET /welcome: requests a second, bare Fastify = 1</text>`,
    ...bars.flatMap((bar, i) => lines(bar, TOP + i * ROW, scale)),
    '</svg>',
  ].join('\n')}\n`;
}

/**
 * @param {{ title: string, isOurs: boolean, ratio: number, low: number, high: number }} bar
 * @param {number} y
 * @param {number} scale
 */
function lines({ title, isOurs, ratio, low, high }, y, scale) {
  const at = (/** @type {number} */ value) => (LEFT + value * scale).toFixed(1);
  const middle = y + ROW / 2;
  return [
    `<text x="${LEFT - 8}" y="${middle + 4}" text-anchor="end">${title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`,
    `<rect x="${LEFT}" y="${y + 4}" width="${(ratio * scale).toFixed(1)}" height="${ROW - 8}" fill="${isOurs ? '#1a7f5a' : '#9aa7b1'}"/>`,
    `<line x1="${at(low)}" x2="${at(high)}" y1="${middle}" y2="${middle}" stroke="#222"/>`,
    `<text x="${(Number(at(Math.max(ratio, high))) + 6).toFixed(1)}" y="${middle + 4}">${ratio.toFixed(2)}</text>`,
  ];
}
