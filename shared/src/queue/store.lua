-- Fragment of enqueue: what becomes of every accepted job. Needs enqueue_head.lua, line.lua and rank.lua.

-- Payloads of at most so many bytes are not counted.
local SMALL_BYTES = 256

-- Stores the job with `more` fields of its own, names and values in turn. What take and settle read comes first: a small hash is
-- searched from its head. The job has no time to live while `deadlines` knows it; its end gives it one.
local function store(state, rank, more)
  redis.call('ZADD', deadlines, text(now + deadline_ms), id)
  redis.call('HSET', of_job('job', id), 'fence', '0', 'state', state, 'attempts', '0', 'max', ARGV[9], 'lane', lane,
    'class', class, 'rank', rank, 'created', text(now), 'kind', ARGV[3], 'queue', queue, 'user', user, 'payload', payload,
    unpack(more))
end

-- A small job that is its own work, of which no list, limit or budget knows: the rest of the script is not even defined for it.
local of_itself = digest == '' and not (asked or listed or held or fresh or ARGV[28]) and recording == '' and delay == 0
if of_itself and ARGV[13] == '0' and #payload <= SMALL_BYTES and unfinished < tonumber(ARGV[10])
  and redis.call('HEXISTS', root .. ':suspended', user) == 0 then
  local rank = next_rank(class, user)
  store('waiting', rank, {})
  put_in_line(id, lane, class, rank)
  return { 'accepted', '', '', '0', text(now), '0' }
end
