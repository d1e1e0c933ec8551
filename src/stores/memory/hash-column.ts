const HASH_BYTES = 32;

/** SHA-256 hashes in base64url, as their 32 bytes. A text that is anything else is kept as it is. */
export class HashColumn {
  readonly #bytes: Buffer;
  readonly #others = new Map<number, string>();

  constructor(length: number) {
    this.#bytes = Buffer.alloc(length * HASH_BYTES);
  }

  get(i: number): string {
    const other = this.#others.size === 0 ? undefined : this.#others.get(i);
    return other ?? this.#spell(i);
  }

  set(i: number, text: string): void {
    this.#others.delete(i);
    this.#bytes.write(text, i * HASH_BYTES, HASH_BYTES, 'base64url');
    if (this.#spell(i) !== text) {
      this.#others.set(i, text);
    }
  }

  delete(i: number): void {
    this.#others.delete(i);
  }

  #spell(i: number): string {
    return this.#bytes.toString('base64url', i * HASH_BYTES, (i + 1) * HASH_BYTES);
  }
}
