/**
 * @param {string[]} names
 * @param {string[][]} rows
 */
export function markdown(names, rows) {
  if (rows.length === 0) {
    return '';
  }
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(names), line(names.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
