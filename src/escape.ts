/** Replaces control, format and other invisible characters with `\u{…}`, so that no terminal or log interprets them. */
export function escapeControlChars(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
  );
}
