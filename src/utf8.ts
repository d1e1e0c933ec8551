const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Decodes UTF-8 and skips a byte order mark. Replacing invalid bytes, as `Buffer.toString` does, would make different
 * passwords equal.
 * @throws TypeError if the bytes are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
