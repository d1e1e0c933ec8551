import t from 'tap';
import { canonicalAddress } from '../../src/http/client-address.ts';

t.test('an address has one text form', async (t) => {
  t.equal(canonicalAddress('192.0.2.1'), '192.0.2.1');
  t.equal(canonicalAddress('::ffff:192.0.2.1'), '192.0.2.1');
  t.equal(canonicalAddress('2001:DB8:0:0:0:0:0:1'), '2001:db8::1');
  t.equal(canonicalAddress('::1'), '::1');
});

t.test('what is no address is unknown', async (t) => {
  for (const text of [undefined, '', 'nowhere', '192.0.2.1:80', '<script>', '1.2.3.4, 5.6.7.8', 'a'.repeat(9999)]) {
    t.equal(canonicalAddress(text), 'unknown');
  }
});
