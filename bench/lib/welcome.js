/**
 * All names are of one length, and so are all replies.
 * @param {number} i
 */
export function nameOf(i) {
  return `user${String(i).padStart(8, '0')}`;
}

/** What the bare route answers: as long as everybody else's reply. */
export const WELCOME = `Welcome ${nameOf(0)}!`;
