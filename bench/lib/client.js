/** All names have the same length, so that all replies have. */
export const nameOf = (/** @type {number} */ i) => `user${String(i).padStart(8, '0')}`;

/** The reply of the bare route. */
export const WELCOME = `Welcome ${nameOf(0)}!`;

export const PASSWORD = 'password1';

/** The `Cookie` header that a browser sends after these `Set-Cookie` headers. */
export function cookieHeader(/** @type {string[]} */ setCookies) {
  return setCookies.map((line) => line.split(';', 1)[0]).join('; ');
}

/** Signs in one user after the other and returns their cookies. */
export async function signInAll(/** @type {number} */ port, /** @type {number} */ count) {
  const cookies = [];
  for (let i = 0; i < count; i++) {
    const response = await fetch(`http://127.0.0.1:${port}/signin`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: nameOf(i), password: PASSWORD }),
    });
    if ((await response.text()) === '' || response.status !== 200) {
      throw new Error(`sign-in replies ${response.status}`);
    }
    cookies.push(cookieHeader(response.headers.getSetCookie()));
  }
  return cookies;
}

/** Throws unless a session cookie gets a 200 and, except for a bare route, a request without one a 401. */
export async function checkAccess(/** @type {string} */ id, /** @type {Target} */ { port, cookies }) {
  const get = async (headers = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}/welcome`, { headers });
    return `${response.status} ${await response.text()}`;
  };
  for (const cookie of [cookies[0], cookies[cookies.length - 1]]) {
    const reply = await get({ cookie });
    if (!/^200 Welcome user\d+!$/.test(reply)) {
      throw new Error(`${id} replies ${reply} to a session cookie`);
    }
  }
  const reply = await get();
  if (!reply.startsWith(id.includes('bare') ? '200' : '401')) {
    throw new Error(`${id} replies ${reply} without a session cookie`);
  }
}
