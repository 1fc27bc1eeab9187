// Adds COUNT jobs at once: node add.mjs COUNT AT, where AT is the moment in ms since the Unix epoch.
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';

const [count, at] = process.argv.slice(2).map(Number);
const queue = new Queue('bench', { connection: { url: process.env.REDIS_URL } });
await queue.waitUntilReady();
await sleep(at - Date.now());
for (let added = 0; added < count; added += 1_000) {
  const jobs = Array.from({ length: Math.min(1_000, count - added) }, () => ({ name: 'call', data: {} }));
  await queue.addBulk(jobs);
}
await queue.close();
