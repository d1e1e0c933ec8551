import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';

// The same load as wrk's where there is no wrk: the same arguments, the same line of JSON.
const [url, seconds, connections, cookieFile] = process.argv.slice(2);
const cookies = readFileSync(String(cookieFile), 'utf8').trimEnd().split('\n');

const result = await autocannon({
  url: String(url),
  duration: Number(seconds),
  connections: Number(connections),
  requests: cookies.map((cookie) => ({ method: 'GET', path: '/welcome', headers: { cookie } })),
});
const answered = result['2xx'] + result.non2xx;
const micros = (/** @type {number} */ milliseconds) => Math.round(milliseconds * 1000);
const summary = {
  requests: answered,
  micros: micros(result.duration * 1000),
  errors: result.non2xx + result.errors + result.timeouts,
  p50: micros(result.latency.p50),
  p99: micros(result.latency.p99),
};
console.log(`RESULT ${JSON.stringify(summary)}`);
