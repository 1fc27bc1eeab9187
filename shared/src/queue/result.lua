-- Fragment: results that answer for more than one job. Needs keys.lua and share.lua.

-- Most results that make room at a time.
local EVICT_MOST = 16

-- Whose result a member of `cached` is: the digest, the job, and its size in bytes.
local function cached_entry(member) return string.match(member, '^(%S+) (%S+) (%d+)$') end

-- The result no longer answers for new jobs. Those that it has answered for keep it.
local function forget_result(member)
  local digest, id, bytes = cached_entry(member)
  if not digest then return end
  uncount('results', bytes)
  local content = of_content(digest)
  if mend('HGET', content, 'result_of') == id then redis.call('HDEL', content, 'result_of', 'until', 'by') end
  return id
end

-- Keeps what a job of `user` came to apart from the job, and lets it answer for the same work for `cache_ttl` ms. Where all
-- results together have more than `cache_max` bytes, the oldest make room.
local function keep_result(id, digest, result, user, now, completed_ttl, cache_ttl, cache_max)
  redis.call('SET', of_job('result', id), result, 'PX', text(math.max(completed_ttl, cache_ttl)))
  if cache_ttl <= 0 or #result > cache_max then return end
  local cached, ends = root .. ':cached', text(now + cache_ttl)
  local content = of_content(digest)
  local leader = mend('HGET', content, 'leader')
  redis.call('HSET', content, 'result_of', id, 'until', ends, 'by', redis.sha1hex(user or ''))
  -- Who is doing the work anew needs it for as long as that may take.
  if leader and leader ~= id then outlive(content, cache_ttl) else redis.call('PEXPIRE', content, text(cache_ttl)) end
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
