/** Returns a user name as it is stored and shown: trimmed, in the composed Unicode form (NFC). */
export function cleanUsername(name: string): string {
  return name.trim().normalize('NFC');
}

/**
 * Returns what user names are compared by. Names that differ in case, in spaces around them, or in Unicode form have the
 * same key: composed and decomposed letters, wide and ligature characters. The rules follow RFC 8265, section 3.3
 * (UsernameCaseMapped): `ß` is not `ss`, and `İ` is not `i`. The key of a key is the key itself.
 */
export function usernameKey(name: string): string {
  // NFKC first, because it can bring capital letters (`℡`), and last, because lower case can bring decomposed letters.
  const lowerCase = name.normalize('NFKC').toLowerCase();
  // `Σ` becomes `ς` at the end of a word, but a user may have entered `σ`.
  return lowerCase.replaceAll('ς', 'σ').normalize('NFKC').trim();
}
