/** A store that cannot be opened, and will not be by waiting. The message says which, why, and what would do. */
export class StoreNotOpened extends Error {
  override readonly name = 'StoreNotOpened';
}
