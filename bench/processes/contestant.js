import { answerParent, listen } from '../lib/child.js';

// Runs one contestant.
answerParent(async (/** @type {Job & { module: string }} */ job) => {
  const { default: make } = await import(`../contestants/${job.module}.js`);
  const { app, cookies } = await make(job);
  return { port: await listen(app), cookies };
});
