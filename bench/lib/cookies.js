/**
 * What a browser sends back for what a reply set.
 * @param {string[]} setCookies
 */
export function cookiesOf(setCookies) {
  return setCookies.map((line) => line.split(';', 1)[0]).join('; ');
}
