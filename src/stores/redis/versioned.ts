/**
 * A value with its version in front, as text: `["version",{…}]`. The version is JSON, which ends where it ends, so a
 * script on the server can tell the version of a value by how it begins, without taking it apart.
 */
export function encode(version: string, value: object): string {
  return `${prefixOf(version)}${JSON.stringify(value)}]`;
}

/** How a value of this version begins. */
export function prefixOf(version: string): string {
  return `[${JSON.stringify(version)},`;
}

/** @throws SyntaxError when somebody else wrote it. */
export function decode<T>(text: string): readonly [version: string, value: T] {
  return JSON.parse(text);
}
