import { verify } from '@node-rs/argon2';
import { PasswordHasher } from '../dist.js';
import { answerParent } from '../lib/child.js';
import { PASSWORD } from '../lib/client.js';

// Verifies a password as the service does, with its costs and as often at the same time, and does nothing else.
const prepared = prepare();

answerParent(async (/** @type {{ seconds: number }} */ { seconds }) => {
  const { stored, concurrency } = await prepared;
  let count = 0;
  const startedAt = performance.now();
  const run = async () => {
    for (; performance.now() < startedAt + seconds * 1000; count++) {
      await verify(stored, PASSWORD);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, run));
  return { count, perSecond: count / ((performance.now() - startedAt) / 1000) };
});

async function prepare() {
  const hasher = new PasswordHasher();
  const jobs = Array.from({ length: 32 }, () => hasher.hash(PASSWORD));
  const concurrency = hasher.load.running;
  const [stored] = await Promise.all(jobs);
  return { stored, concurrency };
}
