import t from 'tap';
import { escapeControlChars } from '../src/escape.ts';

t.test('control and invisible characters are escaped', async (t) => {
  t.equal(escapeControlChars('a\u001b[31mb\r\n'), 'a\\u{1b}[31mb\\u{d}\\u{a}');
  t.equal(escapeControlChars('\u202e\u0085\u200b\u2028\ud800'), '\\u{202e}\\u{85}\\u{200b}\\u{2028}\\u{d800}');
  t.equal(escapeControlChars('Zoë 漢字 👩‍🚀'.replace(/\u200d/g, '')), 'Zoë 漢字 👩🚀');
});
