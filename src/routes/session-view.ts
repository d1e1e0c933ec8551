import { type Static, Type } from '@sinclair/typebox';
import type { Milliseconds, Session } from '../sessions/record.ts';
import { setCookieHeader } from './replies.ts';

const Moment = (description: string) => Type.String({ format: 'date-time', description });

const EXAMPLE = {
  id: 'fB3tN5xk0qWm2VhC9sYzLg',
  username: 'user1',
  createdAt: '2030-01-01T12:00:00.000Z',
  authenticatedAt: '2030-01-01T12:00:00.000Z',
  expiresAt: '2030-01-01T12:02:00.000Z',
  endsAt: '2030-01-02T00:00:00.000Z',
  current: true,
};
const EXAMPLE_CLIENT = { address: '192.0.2.1', device: 'Firefox on Linux' };

/** A session on the wire. Times are ISO 8601 in UTC. */
export const SessionView = Type.Object(
  {
    id: Type.String({
      description: "The session's public name. It opens nothing and stays the same across refreshes.",
    }),
    username: Type.String(),
    createdAt: Moment('When the user signed in.'),
    authenticatedAt: Moment('When the user last proved who they are.'),
    expiresAt: Moment('When the session ends unless it is refreshed before.'),
    endsAt: Moment('When the session ends however often it is refreshed.'),
    current: Type.Boolean({ description: 'Whether it is the session of this request.' }),
  },
  { examples: [EXAMPLE] },
);

/** The reply that shows a session whose token it has just put into the cookie. */
export function sessionReply(description: string, cookies = 'The fresh token, until `expiresAt`.') {
  return Type.Object(SessionView.properties, {
    description,
    examples: [EXAMPLE],
    ...setCookieHeader(cookies),
  });
}

/** A session in the list of its user's. */
export const ListedSession = Type.Object(
  {
    ...SessionView.properties,
    address: Type.String({ description: 'Where the user signed in from.' }),
    device: Type.String({ description: 'What the user signed in with.' }),
  },
  { examples: [{ ...EXAMPLE, ...EXAMPLE_CLIENT }] },
);

/** One of the two ways a session gets onto the wire. */
export function viewSession(session: Session, { current }: { current: boolean }): Static<typeof SessionView> {
  return {
    id: session.id,
    username: session.username,
    createdAt: iso(session.createdAt),
    authenticatedAt: iso(session.authenticatedAt),
    expiresAt: iso(session.expiresAt),
    endsAt: iso(session.endsAt),
    current,
  };
}

/** The other way: for its user's list. */
export function listSession(
  session: Session,
  { current }: { current: boolean },
): Static<typeof ListedSession> {
  const { address, device } = session;
  return { ...viewSession(session, { current }), address, device };
}

function iso(time: Milliseconds): string {
  return new Date(time).toISOString();
}
