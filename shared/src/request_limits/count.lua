-- Counts one request against several limits at once: against all of them, or none. A limit is exact in every window: a
-- subject has a sorted set of the requests in the window that ends now.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 the request's own name ('': nothing is counted)  3 digest of its idempotency key and user ('': none):
--       one that was accepted under it before costs nothing  4 user who asks for a job ('': nobody does): where that one is
--       suspended it costs nothing, since enqueue refuses it  5… for each limit: its name, whose it is, most requests, window in ms
-- Returns {'counted' | 'free' | 'seen', now, remaining, when the next one is free, …} | {'over', now, which (from 1), …}: the last
--         two for each limit, in their order
local request, user, now = ARGV[2], ARGV[4], now_ms()
local free = ARGV[3] ~= '' and redis.call('EXISTS', root .. ':idempotency:' .. ARGV[3]) == 1
  or user ~= '' and redis.call('HEXISTS', root .. ':suspended', user) == 1
local limits, over = {}, nil
for i = 5, #ARGV, 4 do
  local limit = { key = root .. ':requests:' .. ARGV[i] .. ':' .. ARGV[i + 1], most = tonumber(ARGV[i + 2]), window = ARGV[i + 3] }
  redis.call('ZREMRANGEBYSCORE', limit.key, '-inf', text(now - tonumber(limit.window)))
  limit.left = limit.most - redis.call('ZCARD', limit.key)
  limits[#limits + 1] = limit
  if limit.left <= 0 and not over then over = #limits end
end

local word = over and 'over' or 'counted'
if free then word = 'free' end
if request == '' then word = 'seen' end
local answer = { word, text(now) }
if word == 'over' then
  answer[3] = over
  if user ~= '' then pcall(tracking().request, user, now, 'limited') end
end
for _, limit in ipairs(limits) do
  if word == 'counted' then
    redis.call('ZADD', limit.key, text(now), request)
    redis.call('PEXPIRE', limit.key, limit.window)
    limit.left = limit.left - 1
  end
  local first = redis.call('ZRANGE', limit.key, 0, 0, 'WITHSCORES')[2]
  answer[#answer + 1] = math.max(limit.left, 0)
  answer[#answer + 1] = text((tonumber(first) or now) + tonumber(limit.window))
end
return answer
