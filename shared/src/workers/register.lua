-- Fragment: a worker says that it lives. Needs keys.lua.
-- `workers:<queue>` has the workers that take jobs of the queue, by when each is taken for gone; `worker:<worker>` has what a worker
-- says of itself. Both end by themselves, when nobody says anything any more.

-- `ttl` is 0 for a worker that takes nothing more. `card` is {replica, version, up_ms, slots, busy,
-- cpu, model, priced}: the model where calls are paid by tokens, and '1' where the worker knows its
-- price, else '0'.
local function register(of_the_queue, worker, ttl, now, card)
  local workers, key = root .. ':workers:' .. of_the_queue, root .. ':worker:' .. worker
  redis.call('ZREMRANGEBYSCORE', workers, '-inf', text(now))
  if ttl == 0 then
    redis.call('ZREM', workers, worker)
    redis.call('UNLINK', key)
    return
  end
  redis.call('ZADD', workers, text(now + ttl), worker)
  redis.call('PEXPIRE', workers, text(ttl))
  redis.call('HSET', key, 'replica', card[1], 'version', card[2], 'started', text(now - tonumber(card[3])), 'slots', card[4],
    'busy', card[5], 'cpu', card[6] or '', 'seen', text(now), 'model', card[7] or '', 'priced', card[8] or '')
  redis.call('PEXPIRE', key, text(ttl))
end
