-- Reads a page of an index of a queue, and what is known of its jobs. Changes nothing. Where a page begins is found by the entry
-- before it, which need not be there any more: none is skipped or seen twice while others come and go.
-- KEYS  1 root
-- ARGV  1 queue  2 index: deadlines | done | dead  3 which comes first: oldest | newest  4, 5 score and job of the entry before
--       the page ('': it is the first one)  6, 7 least and greatest score  8 most entries
--       9… fields of a job
-- Returns {'page', now_ms, {id, score, value, …}, …}: a field that a job has not, or that is not readable, is ''; where there are fewer
--         entries than asked for, there are no more
-- @include "queue/keys"

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
