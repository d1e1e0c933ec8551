/** A SessionStore in a Map. The methods are synchronous, so each of them is atomic in this process. */
export class MinimalStore {
  #records = new Map();

  create = (record) => !this.#records.has(record.session.id) && this.#put(record);
  find = (id) => structuredClone(this.#records.get(id));
  replace = (next, version) => this.#records.get(next.session.id)?.version === version && this.#put(next);
  remove = (id) => this.#records.delete(id);
  listByUser = ({ namespace, userId }) =>
    this.list().filter(({ session }) => session.namespace === namespace && session.userId === userId);
  removeByUser = (owner, keep) =>
    this.listByUser(owner).filter(({ session }) => session.id !== keep && this.remove(session.id)).length;
  list = () => structuredClone([...this.#records.values()]);
  ping = () => void this.#records.size;
  close() {
    this.#records = undefined; // Every later call throws.
  }

  #put(record) {
    this.#records.set(record.session.id, structuredClone(record));
    return true;
  }
}
