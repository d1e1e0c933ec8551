/** What the pages do beyond their HTML. Each page is complete without this script. */
import type * as SessionClient from './session.ts';

const { body } = document;
const all = <T extends HTMLElement>(selector: string) => document.querySelectorAll<T>(selector);
// @ts-expect-error The service serves the client one folder above this file.
const client = (): Promise<typeof SessionClient> => import('../session.js');

// In the time zone of the browser.
const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' });
for (const time of all<HTMLTimeElement>('time')) {
  time.textContent = format.format(new Date(time.dateTime));
}

for (const button of all<HTMLButtonElement>('.show')) {
  const input = button.previousElementSibling as HTMLInputElement;
  const toggle = (show: boolean) => {
    input.type = show ? 'text' : 'password';
    button.ariaPressed = `${show}`;
  };
  button.onclick = () => toggle(input.type !== 'text');
  // A browser may offer what was typed in a text field again.
  button.form?.addEventListener('submit', () => toggle(false));
  button.hidden = false;
}

// A page that shows something of a user is hidden when it is left. If the back/forward cache restores it, it is loaded again.
const { self, next, signedOut } = body.dataset;
const reload = () => self && location.replace(self);
if (self) {
  addEventListener('pagehide', () => {
    body.hidden = true;
  });
}
addEventListener('pageshow', ({ persisted }) => persisted && reload());

if (signedOut) {
  (await client()).announceSignOut();
}

for (const dialog of all<HTMLDialogElement>('dialog')) {
  let extend: (() => void) | undefined;
  // The user has chosen to stay, or pressed Escape.
  dialog.onclose = () => extend?.();
  (await client()).keepAlive({
    baseUrl: new URL('..', import.meta.url),
    onTick({ secondsLeft: seconds }) {
      const time = `${Math.floor(seconds / 3600)}:${new Date(seconds * 1000).toISOString().slice(14, 19)}`;
      body.classList.add('live');
      for (const clock of all('.clock')) {
        clock.textContent = time.replace(/^0:/, '');
      }
    },
    onExpiring(time) {
      if (!time) {
        extend = undefined;
        dialog.close();
      } else if (!extend) {
        ({ extend } = time);
        dialog.classList.toggle('final', !time.canExtend);
        dialog.showModal();
      }
    },
    onEnded: reload,
  });
}

// A link on another site has led here. The browser may hold this request until it has refreshed the cookie.
if (next && (await fetch('session')).ok) {
  location.replace(next);
}
