import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { httpErrors } from '../../src/errors.ts';
import { errorTexts, texts } from '../../src/pages/texts.ts';

t.test('every error of the catalogue has a text, and no other', async (t) => {
  t.same(Object.keys(errorTexts).sort(), httpErrors.map((Entry) => new Entry().code).sort());
});

t.test('an outage never sounds as if somebody was signed out', async (t) => {
  for (const Entry of httpErrors) {
    const { code, statusCode } = new Entry();
    if (statusCode === 503) {
      t.match(errorTexts[code]?.message, /Nobody was signed out/, code);
    }
  }
});

t.test('a wait is told in its largest unit, rounded up', async (t) => {
  for (const [seconds, text] of [
    [1, 'in 1 second'],
    [59, 'in 59 seconds'],
    [60, 'in 1 minute'],
    [61, 'in 2 minutes'],
    [900, 'in 15 minutes'],
    [3600, 'in 1 hour'],
    [3601, 'in 2 hours'],
    [604_800, 'in 7 days'],
  ] as const) {
    t.equal(texts.wait(seconds), text);
  }
});

t.test('the title of a page says first that something failed', async (t) => {
  t.equal(texts.pageTitle('Sign in', 'Example', false), 'Sign in – Example');
  t.equal(texts.pageTitle('Sign in', 'Example', true), 'Error: Sign in – Example');
});

t.test('the templates have no text of their own', async (t) => {
  const folder = new URL('../../src/pages/templates/', import.meta.url);
  for (const file of readdirSync(folder)) {
    const template = readFileSync(new URL(file, folder), 'utf8').replace(/<%[\s\S]*?%>/g, '');
    t.notMatch(template.replace(/<[^>]*>/g, ''), /\p{L}/u, file);
    t.notMatch(template, /\s(?:aria-label|alt|title|placeholder)="[^"]*\p{L}/u, file);
  }
});
