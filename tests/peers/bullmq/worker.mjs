// One worker process: each job makes one call upstream, within LIMIT calls per WINDOW_MS of BullMQ's own limiter.
import { Worker } from 'bullmq';

const { CONCURRENCY, LIMIT, OPENAI_BASE_URL, REDIS_URL, WINDOW_MS } = process.env;
const call = {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: 'Bearer x' },
  body: JSON.stringify({
    model: 'gpt-4o-mini',
    messages: [{ role: 'user', content: 'The leaf is green.' }],
    max_completion_tokens: 64,
  }),
};

async function ask() {
  const answer = await fetch(`${OPENAI_BASE_URL}/chat/completions`, call);
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`the upstream answered ${answer.status}`);
}

const worker = new Worker('bench', ask, {
  connection: { url: REDIS_URL },
  concurrency: Number(CONCURRENCY),
  limiter: { max: Number(LIMIT), duration: Number(WINDOW_MS) },
});
worker.on('error', (error) => console.error(error.message));
