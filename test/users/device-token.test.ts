import t from 'tap';
import { DEVICE_TOKEN_SECONDS, issueDeviceToken, readDeviceToken } from '../../src/users/device-token.ts';

const ANN = { id: 'ann', version: 'a random version' };
const NOW = Date.UTC(2030, 0, 1, 12);

t.test('a device token is valid for its user until it expires', async (t) => {
  const token = issueDeviceToken(ANN, NOW);
  const id = readDeviceToken(token, ANN, NOW);
  t.match(id, /^[\w-]{22}$/);
  t.equal(readDeviceToken(token, ANN, NOW + DEVICE_TOKEN_SECONDS * 1000 - 1), id);
  t.equal(readDeviceToken(token, ANN, NOW + DEVICE_TOKEN_SECONDS * 1000), undefined);
});

t.test('each browser gets an id of its own and keeps it at the next sign-in', async (t) => {
  const id = readDeviceToken(issueDeviceToken(ANN, NOW), ANN, NOW);
  t.not(readDeviceToken(issueDeviceToken(ANN, NOW), ANN, NOW), id);
  t.equal(readDeviceToken(issueDeviceToken(ANN, NOW + 1, id), ANN, NOW + 1), id);
});

t.test('a token of another user or version and any other text are invalid', async (t) => {
  const token = issueDeviceToken(ANN, NOW);
  const [id = '', issuedAt = '', mac = ''] = token.split('.');
  t.equal(readDeviceToken(token, { ...ANN, id: 'bob' }, NOW), undefined);
  t.equal(readDeviceToken(token, { ...ANN, version: 'another' }, NOW), undefined);
  const forged = [
    '',
    '..',
    `${id}.${issuedAt}`,
    `${id}.${issuedAt}.`,
    `${id}.${Number(issuedAt) + 1}.${mac}`,
    `${'A'.repeat(22)}.${issuedAt}.${mac}`,
    `${id}.${issuedAt}.${'A'.repeat(43)}`,
    `${token}x`,
    `"${token}"`,
    'x'.repeat(10_000),
  ];
  for (const text of forged) {
    t.equal(readDeviceToken(text, ANN, NOW), undefined, text.slice(0, 80));
  }
});

t.test('a device token does not contain the user name', async (t) => {
  t.notMatch(issueDeviceToken(ANN, NOW), 'ann');
});
