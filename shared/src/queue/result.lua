-- Fragment: results that answer for more than one job. Needs keys.lua and share.lua.
-- @include "queue/sizes"

-- Most results that make room at a time.
local EVICT_MOST = 16

-- Whose result a member of `cached` is: the digest, the job, and its size in bytes.
local function cached_entry(member) return string.match(member, '^(%S+) (%S+) (%d+)$') end

-- The result no longer answers for new jobs. Those that it has answered for keep it.
local function forget_result(member)
  local digest, id, bytes = cached_entry(member)
  if not digest then return end
  uncount('results', bytes)
  if read_answer(mend('GET', of_answer(digest))) == id then redis.call('DEL', of_answer(digest)) end
  return id
end

-- Keeps what a job of `user` came to apart from the job, and lets it answer for the same work for `cache_ttl` ms. Where all
-- results together have more than `cache_max` bytes, the oldest make room.
local function keep_result(id, digest, result, user, now, completed_ttl, cache_ttl, cache_max)
  redis.call('SET', of_job('result', id), result, 'PX', text(math.max(completed_ttl, cache_ttl)))
  if cache_ttl <= 0 or #result > cache_max then return end
  local cached, ends = root .. ':cached', text(now + cache_ttl)
  redis.call('SET', of_answer(digest), id .. ' ' .. ends .. ' ' .. redis.sha1hex(user or ''), 'PX', text(cache_ttl))
  redis.call('ZADD', cached, ends, digest .. ' ' .. id .. ' ' .. #result)
  local bytes = tonumber(redis.pcall('HINCRBY', root .. ':bytes', 'results', #result)) or 0
  for _ = 1, EVICT_MOST do
    if bytes <= cache_max then return end
    local oldest = redis.call('ZPOPMIN', cached)[1]
    local evicted = oldest and forget_result(oldest)
    if not evicted then return end
    if redis.call('PTTL', of_job('result', evicted)) > completed_ttl then
      redis.call('PEXPIRE', of_job('result', evicted), text(completed_ttl))
    end
    bytes = tonumber(redis.call('HGET', root .. ':bytes', 'results')) or 0
  end
end
