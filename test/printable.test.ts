import t from 'tap';
import { printable } from '../src/printable.ts';

t.test('what a terminal or a log would act on is written out', async (t) => {
  t.equal(printable('a\u001b[31mb\r\n'), 'a\\u{1b}[31mb\\u{d}\\u{a}');
  t.equal(printable('\u202e\u0085\u200b\u2028\ud800'), '\\u{202e}\\u{85}\\u{200b}\\u{2028}\\u{d800}');
  t.equal(printable('Zoë 漢字 👩‍🚀'.replace(/\u200d/g, '')), 'Zoë 漢字 👩🚀');
});
