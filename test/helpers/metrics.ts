import { readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

/** The setting that turns metrics on. `inject` needs no port. */
export const METRICS_ON = { METRICS: '0' };

/** The samples of a service, by name and labels as they are written: `name{label="value"}`. */
export async function samplesOf(app: FastifyInstance): Promise<ReadonlyMap<string, number>> {
  return parseSamples((await app.collectMetrics()).text);
}

export function parseSamples(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** The metrics of a text, by name: the names of their labels. */
export function metricsIn(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => [name, new Set<string>()]));
  for (const sample of parseSamples(text).keys()) {
    const [, name = ''] = /^(\w+?)(?:_bucket|_sum|_count)?(?:\{|$)/.exec(sample) ?? [];
    for (const [, label = ''] of sample.matchAll(/[{,](\w+)="/g)) {
      if (label !== 'le') {
        found.get(name)?.add(label);
      }
    }
  }
  return found;
}

/** A row of the table in docs/operation.md. One row may have several metrics. */
export interface DocumentedMetric {
  readonly name: string;
  readonly labels: readonly string[];
  readonly meaning: string;
}

export function documentedMetrics(): DocumentedMetric[] {
  const docs = readFileSync(new URL('../../docs/operation.md', import.meta.url), 'utf8');
  const [, section = ''] = /^## Metrics\n(.*?)^## /ms.exec(docs) ?? [];
  return [...section.matchAll(/^\| (`[a-z].*?) \| (.*?) ?\| (.*) \|$/gm)].flatMap(
    ([, names = '', labels = '', meaning = '']) =>
      namesIn(names).map((name) => ({ name, labels: namesIn(labels), meaning })),
  );
}

/** The names in backticks. */
export function namesIn(text: string): string[] {
  return [...text.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
}
