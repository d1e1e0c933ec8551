import t from 'tap';
import { deviceName } from '../../src/http/user-agent.ts';

const NAMES = {
  'Firefox on Linux': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Safari on iOS':
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
  'Microsoft Edge on Windows':
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
  'Chrome on Android':
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
  'Safari on macOS':
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15',
  Googlebot: 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  curl: 'curl/8.5.0',
  node: 'node',
  'python-requests': 'python-requests/2.32',
} as const;

t.test('a browser has the name that people know it by, a program its own', async (t) => {
  for (const [name, userAgent] of Object.entries(NAMES)) {
    t.equal(deviceName(userAgent), name);
  }
});

t.test('nothing of what a client sends gets through but one word', async (t) => {
  for (const userAgent of [
    undefined,
    '',
    ' ',
    '<script>alert(1)</script>/1',
    'x\u001b[31m/1.0',
    'two words/1.0',
    `${'a'.repeat(33)}/1.0`,
    'Mozilla/5.0 '.repeat(1000),
    '(((((((((('.repeat(1000),
  ]) {
    t.match(deviceName(userAgent), /^(unknown device|Mozilla)$/, String(userAgent).slice(0, 40));
  }
});
