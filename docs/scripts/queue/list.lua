-- A page of a user's jobs, newest first. Jobs that are no longer kept leave the list as they are met, unless their result still
-- is: erasing finds it by them.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 user  3, 4 the last job of the page before and when it was accepted ('': the first page)
--       5 most jobs  6 state that they have ('': any)  7 kind ('': any)
-- Returns {'page', '', '', id, …} | {'page', the last job that was looked at, when it was accepted, id, …}: there may be more
-- Fragment: every key and the clock. KEYS[1] is the root; `Keys` in shared/src/redis/keys.rs names the same keys.
local root = KEYS[1]
local queue = ARGV[1]

local function of_job(name, id) return root .. ':' .. name .. ':' .. id end
local function of_queue(name) return root .. ':' .. name .. ':' .. queue end
local function of_lane(name, lane) return root .. ':' .. name .. ':' .. queue .. ':' .. lane end
local function of_line(lane, class) return of_lane('waiting', lane) .. ':' .. class end

-- A whole number as a command takes it. Redis formats a Lua number as a double, which is slow; the time, which most scripts write
-- in several places, is formatted once.
local now_known, now_text
local function text(number) return number == now_known and now_text or string.format('%d', number) end

-- Milliseconds since the Unix epoch: Redis' clock is the only one that decides anything.
local function now_ms()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  now_known, now_text = now, string.format('%d', now)
  return now
end

-- Redis refuses the first write of a script while its memory is full, and no later one. What ends jobs, and frees memory with
-- that, begins with a write that needs none.
local function write_though_full() redis.call('DEL', root .. ':probe') end

-- The whole number that a field of a stored job holds; nil where it is none that could be ours.
local function whole_number(field)
  if field and #field <= 15 and string.find(field, '^%d+$') then return tonumber(field) end
end

-- Runs a command on a key that jobs can do without: something else that stands there makes room.
local function mend(command, key, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(command, key, ...)
end

local list, after, at, most, state, kind = root .. ':jobs_of:' .. ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
-- Jobs that one page looks at: a rare state is found in steps.
local LOOK_MOST = 500

local from = 0
if after ~= '' then
  from = redis.call('ZCOUNT', list, '(' .. at, '+inf')
  -- Of those that were accepted in the same millisecond, the list has the greatest id first.
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', list, at, at)) do
    if id >= after then from = from + 1 end
  end
end
local page, gone = { 'page', '', '' }, {}
local entries = redis.call('ZREVRANGE', list, from, from + LOOK_MOST, 'WITHSCORES')
for i = 1, #entries, 2 do
  if i > 2 * LOOK_MOST or #page - 3 >= most then
    page[2], page[3] = entries[i - 2], entries[i - 1]
    break
  end
  local id = entries[i]
  local job = redis.pcall('HMGET', of_job('job', id), 'state', 'kind')
  if not job[1] then
    if redis.call('EXISTS', of_job('result', id)) == 0 then gone[#gone + 1] = id end
  elseif (state == '' or job[1] == state) and (kind == '' or job[2] == kind) then
    page[#page + 1] = id
  end
end
if gone[1] then redis.call('ZREM', list, unpack(gone)) end
return page
