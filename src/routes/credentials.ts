import { Type } from '@sinclair/typebox';

/** A password as it may be sent. The limit keeps a hash from costing more than one. */
export const Password = Type.String({ maxLength: 1024, format: 'password' });
