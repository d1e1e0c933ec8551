import t from 'tap';
import * as everything from '../src/errors.ts';
import { BadRequest, errorBody, httpErrors } from '../src/errors.ts';

t.test('the catalogue is complete and its codes are unique', async (t) => {
  const errors = httpErrors.map((Entry) => new Entry());
  const codes = errors.map(({ code }) => code);
  t.equal(new Set(codes).size, codes.length);
  const exported = Object.values(everything).filter((value) => typeof value === 'function' && value !== errorBody);
  t.same(new Set(exported), new Set(httpErrors));
});

t.test('codes and statuses are part of the API and stay as they are', async (t) => {
  const errors = httpErrors.map((Entry) => new Entry());
  t.same(
    errors.map(({ code, statusCode, headers }) => [code, statusCode, headers?.['retry-after']]),
    [
      ['BAD_REQUEST', 400, undefined],
      ['INVALID_INPUT', 400, undefined],
      ['SIGN_IN_REFUSED', 401, undefined],
      ['NOT_SIGNED_IN', 401, undefined],
      ['SEVERAL_SESSION_COOKIES', 401, undefined],
      ['SIGN_IN_AGAIN', 403, undefined],
      ['DEVICE_PROOF_REQUIRED', 403, undefined],
      ['DEVICE_KEY_REFUSED', 403, undefined],
      ['BOUND_SESSION_REQUIRED', 403, undefined],
      ['WRONG_PASSWORD', 403, undefined],
      ['NEW_PASSWORD_REFUSED', 400, undefined],
      ['PASSWORD_EXPIRED', 403, undefined],
      ['PASSWORD_LINK_INVALID', 403, undefined],
      ['CROSS_ORIGIN_REFUSED', 403, undefined],
      ['PROXY_NOT_TRUSTED', 403, undefined],
      ['FORWARDED_HEADERS_INVALID', 403, undefined],
      ['TARGET_NOT_TRUSTED', 403, undefined],
      ['NOT_A_NAVIGATION', 403, undefined],
      ['NO_SUCH_SESSION', 404, undefined],
      ['NOT_FOUND', 404, undefined],
      ['METHOD_NOT_ALLOWED', 405, undefined],
      ['REQUEST_TIMEOUT', 408, undefined],
      ['BODY_TOO_LARGE', 413, undefined],
      ['URI_TOO_LONG', 414, undefined],
      ['UNSUPPORTED_MEDIA_TYPE', 415, undefined],
      ['TOO_MANY_FAILURES', 429, '900'],
      ['HEADERS_TOO_LARGE', 431, undefined],
      ['INTERNAL_ERROR', 500, undefined],
      ['SIGN_IN_BUSY', 503, '2'],
      ['STORE_UNAVAILABLE', 503, '1'],
      ['SESSION_NOT_REFRESHED', 503, '1'],
      ['STORE_FULL', 503, '10'],
      ['SHUTTING_DOWN', 503, '5'],
    ],
  );
});

t.test("a reply has Fastify's shape", async (t) => {
  t.strictSame(errorBody(new BadRequest()), {
    statusCode: 400,
    code: 'BAD_REQUEST',
    error: 'Bad Request',
    message: 'The request is malformed.',
  });
});
