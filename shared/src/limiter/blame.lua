-- Fragment of end: whose fault a refusal (429) is. Needs window.lua and learn.lua.
-- A refusal pauses the fleet and teaches the limit, and proves nothing by itself: after a pause any other job succeeds, because
-- time has passed. A job that is refused again while calls of other jobs that were let go within a second of it are answered is
-- blamed: its refusals no longer pause, trip or teach, and what they taught is forgotten.
-- `answered:<group>` has jobs whose calls were answered while the group is watched, `accused:<group>` jobs that were refused
-- again, both by the time at which the call was let go.

-- For this long after a refusal, it is noted which calls are answered.
local WATCH_MS = 180000
-- Calls that are let go within this time of each other meet the same limit; where calls are rare, two gaps between them.
local NEAR_MS = 1000
-- A job that is refused this often after it was blamed has failed.
local BLAMED_MAX = 5
-- As many jobs are known at most.
local KNOWN_MAX = 1000
-- What a refusal changes of what is known of the limit.
local LESSON = { 'learned_rpm', 'sure_rpm', 'reached', 'hold', 'hold_until', 'step', 'base', 'prior' }
-- Lessons further apart than this many windows belong to different refusals.
local LESSON_WINDOWS = 10

local function near(l) return l.configured_rpm and math.max(NEAR_MS, math.floor(2 * l.window / l.configured_rpm)) or NEAR_MS end

local function note(l, name, id, begun)
  local key = of_group(name, l.group)
  redis.call('ZADD', key, text(begun), id)
  redis.call('ZREMRANGEBYRANK', key, 0, -KNOWN_MAX - 1)
  redis.call('PEXPIRE', key, text(WATCH_MS))
end

-- Jobs in `name` whose calls were let go near `begun`.
local function found_near(l, name, begun)
  local span = near(l)
  return redis.call('ZRANGEBYSCORE', of_group(name, l.group), text(begun - span), text(begun + span), 'LIMIT', 0, 16)
end

-- Before job `id` teaches: keeps what is known of the limit, should the job be blamed. `plain`: the refusal says itself that it is
-- about the limit.
local function keep_lesson(l, id, plain)
  local f = redis.call('HMGET', l.key, 'taught_by', 'taught_at', 'proven')
  local by, at = f[1] or '', tonumber(f[2]) or 0
  if plain then
    if by ~= '' then redis.call('HSET', l.key, 'proven', '1') end
  elseif by == '' or f[3] == '1' or l.now - at > LESSON_WINDOWS * l.window then
    local before = redis.call('HMGET', l.key, unpack(LESSON))
    for i = 1, #LESSON do before[i] = before[i] or '' end
    redis.call('HSET', l.key, 'before', table.concat(before, ','), 'taught_by', id, 'taught_at', text(l.now), 'proven', '0')
  else
    if not string.find(by, id, 1, true) then by = by .. ' ' .. id end
    redis.call('HSET', l.key, 'taught_by', string.sub(by, 1, 1000), 'taught_at', text(l.now))
  end
end

-- The job is no longer among those whose refusals taught; whether it was, and nobody is left. What somebody taught whose call was
-- answered later stands.
local function drop_teacher(l, id, stands)
  local f = redis.call('HMGET', l.key, 'taught_by', 'proven')
  local by, left = f[1] or '', {}
  if not string.find(by, id, 1, true) then return false end
  for other in string.gmatch(by, '%S+') do
    if other ~= id then left[#left + 1] = other end
  end
  redis.call('HSET', l.key, 'taught_by', table.concat(left, ' '))
  if stands then redis.call('HSET', l.key, 'proven', '1') end
  return not left[1] and f[2] ~= '1'
end

-- The limit is again what it was before the first refusal of those that turned out to be about one request, and nobody waits.
local function forget_lesson(l)
  local before, at = redis.call('HGET', l.key, 'before') or '', 0
  for value in string.gmatch(before .. ',', '([^,]*),') do
    at = at + 1
    if LESSON[at] and value ~= '' then
      redis.call('HSET', l.key, LESSON[at], value)
    elseif LESSON[at] then
      redis.call('HDEL', l.key, LESSON[at])
    end
  end
  redis.call('HSET', l.key, 'refusals', '0', 'pause_until', '0')
  redis.call('HDEL', l.key, 'before', 'taught_by', 'next_at')
  l.refusals, l.pause_until = 0, 0
end

local function blame(l, id)
  redis.call('ZREM', of_group('accused', l.group), id)
  if redis.call('EXISTS', of_job('job', id)) == 1 then redis.call('HSET', of_job('job', id), 'blamed', '1') end
  if drop_teacher(l, id) then forget_lesson(l) end
end

-- The trial after a pause has shown nothing about the limit: another call may go.
local function release_trial(l, member)
  if l.trial == member then redis.call('HSET', l.key, 'pause_until', '0') end
end

-- Takes up a refusal of job `id`; `refused` and `blamed` are its refusals so far. Returns what it is, and the number of refusals
-- since the job was blamed: 'limit' | 'blamed' | 'failed' (it has been refused too often).
local function judge_refusal(l, id, begun, refused, blamed, plain)
  redis.call('HSET', l.key, 'watch_until', text(l.now + WATCH_MS))
  if plain or redis.call('EXISTS', of_job('job', id)) == 0 then return 'limit', 0 end
  local key = of_job('job', id)
  if blamed == 0 then
    redis.call('HSET', key, 'refused', text(refused + 1))
    if refused == 0 then return 'limit', 0 end
    local others = 0
    for _, other in ipairs(found_near(l, 'answered', begun)) do
      if other ~= id then others = others + 1 end
    end
    if others == 0 then
      note(l, 'accused', id, begun)
      return 'limit', 0
    end
    blame(l, id)
    return 'blamed', 1
  end
  -- While all are refused, the refusal is not the job's own.
  if l.refusals > 0 then return 'blamed', blamed end
  redis.call('HSET', key, 'blamed', text(blamed + 1))
  return blamed + 1 >= BLAMED_MAX and 'failed' or 'blamed', blamed + 1
end

-- Takes up that a call of job `id` was answered: jobs that were refused again near it are blamed. `refused`: the job was refused
-- before, so that was the limit. Whether more may go than before.
local function witness_answer(l, id, begun, refused)
  local freed = false
  if refused then
    drop_teacher(l, id, true)
    redis.call('ZREM', of_group('accused', l.group), id)
  end
  if l.now >= l.watch_until then return false end
  note(l, 'answered', id, begun)
  for _, accused in ipairs(found_near(l, 'accused', begun)) do
    if accused ~= id then
      blame(l, accused)
      freed = true
    end
  end
  return freed
end
