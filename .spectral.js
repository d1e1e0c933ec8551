import owasp from '@stoplight/spectral-owasp-ruleset';
import { oas } from '@stoplight/spectral-rulesets';

// The rules for the OpenAPI document. `npx @stoplight/spectral-cli lint FILE` and test/openapi.test.ts use them.
// All rules of both sets apply, except these of the OWASP set.
export default {
  extends: [
    [oas, 'recommended'],
    [owasp, 'recommended'],
  ],
  rules: {
    // Signing in is how a client gets a session. It is guarded against other origins and against guessing.
    'owasp:api2:2023-write-restricted': 'off',
    // The page of a link to set a password: the link is sent to a person. It works once, for an hour, and is not logged.
    'owasp:api2:2023-no-credentials-in-url': 'off',
    // The health checks are for load balancers, which have no session.
    'owasp:api2:2023-read-restricted': 'off',
    'owasp:api8:2023-define-error-responses-401': 'off',
    // Names, passwords, messages and client names are free text. Their length is limited.
    'owasp:api4:2023-string-restricted': 'off',
    // Only failed sign-ins are limited: those routes have 429 with Retry-After. Headers that count down would tell an
    // attacker how many guesses are left.
    'owasp:api4:2023-rate-limit': 'off',
    'owasp:api4:2023-rate-limit-responses-429': 'off',
    // Responses have CORS headers only for the origins in TRUSTED_ORIGINS.
    'owasp:api8:2023-define-cors-origin': 'off',
    // The service does not know for whom and in which environment it runs.
    'owasp:api9:2023-inventory-access': 'off',
    'owasp:api9:2023-inventory-environment': 'off',
  },
};
