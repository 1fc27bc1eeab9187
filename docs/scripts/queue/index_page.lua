-- Reads a page of an index of a queue, and what is known of its jobs. Changes nothing. Where a page begins is found by the entry
-- before it, which need not be there any more: none is skipped or seen twice while others come and go.
-- KEYS  1 root
-- ARGV  1 queue  2 index: deadlines | done | dead  3 which comes first: oldest | newest  4, 5 score and job of the entry before
--       the page ('': it is the first one)  6, 7 least and greatest score  8 most entries
--       9… fields of a job
-- Returns {'page', now_ms, {id, score, value, …}, …}: a field that a job has not, or that is not readable, is ''; where there are fewer
--         entries than asked for, there are no more
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

local index, newest, at, after = of_queue(ARGV[2]), ARGV[3] == 'newest', tonumber(ARGV[4]), ARGV[5]
local least, greatest, most = ARGV[6], ARGV[7], tonumber(ARGV[8])
local range, rank_of = newest and 'ZREVRANGE' or 'ZRANGE', newest and 'ZREVRANK' or 'ZRANK'

-- Whether the entry of this place in the order comes after the one before the page.
local function is_beyond(place)
  local entry = redis.call(range, index, place, place, 'WITHSCORES')
  local score = tonumber(entry[2])
  if not score then return true end
  if newest then return score < at or score == at and entry[1] < after end
  return score > at or score == at and entry[1] > after
end

-- The place at which the page begins.
local function beginning()
  if not at then
    if newest then return redis.call('ZCOUNT', index, '(' .. greatest, '+inf') end
    return redis.call('ZCOUNT', index, '-inf', '(' .. least)
  end
  local before = redis.call(rank_of, index, after)
  if before and tonumber(redis.call('ZSCORE', index, after)) == at then return before + 1 end
  local low, high = 0, redis.call('ZCARD', index)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_beyond(middle) then high = middle else low = middle + 1 end
  end
  return low
end

local function is_out(score)
  return score < (tonumber(least) or -math.huge) or score > (tonumber(greatest) or math.huge)
end

local page, from = { 'page', text(now_ms()) }, beginning()
local entries = redis.call(range, index, from, from + most - 1, 'WITHSCORES')
for i = 1, #entries, 2 do
  local id, score = entries[i], tonumber(entries[i + 1])
  if is_out(score) then break end
  local job = redis.pcall('HMGET', of_job('job', id), unpack(ARGV, 9))
  local row = { id, text(score) }
  for f = 9, #ARGV do row[#row + 1] = job[f - 8] or '' end
  page[#page + 1] = row
end
return page
