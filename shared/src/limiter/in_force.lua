-- Fragment: which limits are in force. Needs keys.lua.
local LIMITS = { 'window_ms', 'guard_ms', 'rpm', 'rps', 'tpm', 'concurrency' }
-- How long the state of a group outlives its last announcement.
local KEEP_MS = 86400000

-- Works out and writes down what is in force. Of the announced limits the lowest counts, 0 being none; of the windows the
-- longest, which allows the least.
local function in_force(group, now)
  redis.call('ZREMRANGEBYSCORE', root .. ':announced:' .. group, '-inf', text(now))
  local key, differ, found = root .. ':limiter:' .. group, 0, {}
  for _, entry in ipairs(redis.call('ZRANGE', root .. ':announced:' .. group, 0, 999)) do
    local i = 0
    for word in string.gmatch(string.match(entry, ' (.*)$') or '', '%d+') do
      i = i + 1
      local value, name = tonumber(word), LIMITS[i]
      if name and found[name] and found[name] ~= value then differ = 1 end
      if name and (not found[name] or (i <= 2 and value > found[name])
        or (i > 2 and value > 0 and (found[name] == 0 or value < found[name]))) then
        found[name] = value
      end
    end
  end
  local reply = { 'in_force', differ }
  if not found.rpm then
    redis.call('HDEL', key, unpack(LIMITS))
    return reply
  end
  local changed = false
  local set = redis.call('HMGET', root .. ':limits:' .. group, unpack(LIMITS))
  local before = redis.call('HMGET', key, unpack(LIMITS))
  for i, name in ipairs(LIMITS) do
    local value = text(tonumber(set[i]) or found[name])
    if before[i] ~= value then changed = true end
    redis.call('HSET', key, name, value)
    reply[i + 2] = tonumber(value)
  end
  redis.call('HSET', key, 'differ', differ)
  redis.call('PEXPIRE', key, KEEP_MS)
  if changed then redis.call('HDEL', key, 'next_at') end
  return reply
end
