/** Hears what becomes of a store while it is open: a logger such as Fastify's. */
export interface StoreLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}
