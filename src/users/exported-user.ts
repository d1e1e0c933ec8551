import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { toIso } from '../types.ts';
import { AccountError } from './account-error.ts';
import type { UserRecord } from './user-store.ts';

const Time = Type.RegExp(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/);

/** A user as `users export` writes it and `users import` reads it: everything but the version, an unlock and an open link. */
const ExportedUser = Type.Object(
  {
    username: Type.String({ minLength: 1 }),
    passwordHash: Type.String(),
    id: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
    disabled: Type.Optional(Type.Boolean()),
    createdAt: Type.Optional(Time),
    passwordChangedAt: Type.Optional(Time),
    lastSignInAt: Type.Optional(Time),
    passwordExpired: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);

/** What a user keeps from an exported file, apart from the name and the hash. */
export type ImportedFields = Partial<
  Pick<UserRecord, 'id' | 'disabled' | 'createdAt' | 'passwordChangedAt' | 'lastSignInAt' | 'passwordExpired'>
>;

export function toExported({
  username,
  passwordHash,
  id,
  disabled,
  createdAt,
  passwordChangedAt,
  lastSignInAt,
  passwordExpired,
}: UserRecord): Static<typeof ExportedUser> {
  return {
    username,
    passwordHash,
    id,
    disabled,
    createdAt: toIso(createdAt),
    passwordChangedAt: toIso(passwordChangedAt),
    ...(lastSignInAt !== undefined && { lastSignInAt: toIso(lastSignInAt) }),
    ...(passwordExpired && { passwordExpired }),
  };
}

/** @throws AccountError if the text is not an exported user. The message does not hold the hash. */
export function parseExported(text: string): { username: string; passwordHash: string; fields: ImportedFields } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AccountError('The line begins like JSON, and is not valid JSON.');
  }
  if (!Value.Check(ExportedUser, value)) {
    const { path, message } = Value.Errors(ExportedUser, value).First() as { path: string; message: string };
    throw new AccountError(`The line is not an exported user: ${path}: ${message}.`);
  }
  const { username, passwordHash, ...fields } = value;
  const times = Object.entries(fields).map(([name, field]) => [
    name,
    /At$/.test(name) ? parseTime(field as string) : field,
  ]);
  return { username, passwordHash, fields: Object.fromEntries(times) };
}

function parseTime(text: string): number {
  const time = Date.parse(text);
  // JavaScript reads 31 February as a day of March.
  if (Number.isNaN(time) || toIso(time).slice(0, 10) !== text.slice(0, 10)) {
    throw new AccountError(`The line has a time that does not exist: ${text}.`);
  }
  return time;
}
