import type { Test } from 'tap';
import { APP, LOGIN } from '../../helpers/proxies.ts';
import { type HeaderList, type Received, type Reply, type Sent, send } from './client.ts';

/** A name that is not safe in a header. */
export const USER = { username: 'Zoë', password: 'a horse, a battery' };

export const ORIGIN = `https://${APP}`;

/** A proxy with the service and the app behind it. */
export interface Front {
  readonly name: string;
  readonly port: number;
  /** The session cookie of a user who is signed in, as `name=value`. */
  readonly cookie: string;
  /** What the service answers about this session. */
  readonly identity: Record<string, string>;
}

export type Case = (t: Test, front: Front) => Promise<void>;

const cookieOf = ({ headers }: Reply) => headers['set-cookie']?.[0]?.split(';')[0] ?? '';

export async function signIn(port: number): Promise<string> {
  const headers: HeaderList = [['Content-Type', 'application/json']];
  const body = Buffer.from(JSON.stringify(USER));
  const reply = await send(port, { method: 'POST', host: LOGIN, path: '/signin', headers, body });
  if (reply.status !== 200) {
    throw new Error(`the sign-in was answered with ${reply.status}: ${reply.body}`);
  }
  return cookieOf(reply);
}

/** Sends a request with the session cookie. */
export const ask = ({ port, cookie }: Front, { headers = [], ...sent }: Sent = {}) =>
  send(port, { ...sent, headers: [['Cookie', cookie], ...headers] });

export const received = ({ body }: Reply): Received => JSON.parse(body);

/** The headers whose names an app may read as those of the login. */
export const identityIn = ({ headers }: Received) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => /^remote[-_.]/i.test(name)));

/** Where a redirect to the sign-in page leads back to. */
export const nextOf = ({ headers }: Reply) => new URL(headers.location ?? 'about:blank').searchParams.get('next');
