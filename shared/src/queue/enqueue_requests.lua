-- Fragment of enqueue: its arguments, and what all requests of a call read. enqueue.lua describes them.
local LIMITS_OF_REQUESTS, OF_REQUEST = 12, 17
local deadline_ms, max_attempts, completed_ttl = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[6])
local most_jobs, most_bytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local now, deadlines = now_ms(), of_queue('deadlines')
local unfinished = redis.call('ZCARD', deadlines)

local function of_asked(digest) return root .. ':idempotency:' .. digest end

-- The requests; and what is stored under the keys that they read first.
local asked_for, stored = {}, {}

local function read_request(at)
  local id, kind, lane, user, payload, delay, class, tokens, digest, fresh, asked, request, listed, held_tokens, held_micros,
    recording, limits = unpack(ARGV, at + 1, at + OF_REQUEST)
  local first = at + OF_REQUEST + 1
  return { id = id, kind = kind, lane = lane, user = user, payload = payload, delay = tonumber(delay), class = class,
    tokens = tokens, digest = digest ~= '' and digest, fresh = fresh == '1', asked = asked ~= '' and asked, request = request,
    listed = listed == '1', held_tokens = held_tokens, held_micros = held_micros, recording = recording, limits_from = first,
    limits_to = first + 2 * tonumber(limits) - 1 }
end

local function read_requests()
  local at, keys = read_kinds(LIMITS_OF_REQUESTS, now), {}
  while at < #ARGV do
    local r = read_request(at)
    if r.asked then keys[#keys + 1] = of_asked(r.asked) end
    if r.digest and not r.fresh then
      local n = #keys
      r.mine, r.leader, r.answer = of_repeat(r.digest, r.user), of_leader(r.digest), of_answer(r.digest)
      keys[n + 1], keys[n + 2], keys[n + 3] = r.mine, r.leader, r.answer
    end
    asked_for[#asked_for + 1] = r
    asking[#asking + 1] = r.user
    at = r.limits_to
  end
  local found = keys[1] and redis.call('MGET', unpack(keys)) or {}
  for n, key in ipairs(keys) do stored[key] = found[n] end
  local suspended = redis.call('HMGET', root .. ':suspended', unpack(asking))
  for n, r in ipairs(asked_for) do r.suspended = suspended[n] end
end
read_requests()

-- Keeps a text for `ttl` ms; those who come later in the call read it, too.
local function store(key, value, ttl)
  redis.call('SET', key, value, 'PX', ttl)
  stored[key] = value
end

-- Opened by the first request that needs them: defining them costs more than most scripts do.
local books, counter
local function the_books()
  books = books or holding(now)
  return books
end
local function the_counter()
  counter = counter or requests(now)
  return counter
end

local limits, killed
local function the_limits()
  if not (limits or killed) then limits, killed = budget_limits({ ARGV[8], ARGV[9], ARGV[10], ARGV[11] }) end
  return limits, killed
end

-- A small payload takes less room than the job beside it, which `unfinished` bounds.
local SMALL_BYTES = 256
local bytes_before, bytes_taken = nil, 0

-- Takes room for the bytes of a payload; whether there was so much. Where no job is unfinished, nothing takes room.
local function take_room(size)
  bytes_before = bytes_before or unfinished > 0 and whole_number(redis.call('HGET', root .. ':bytes', queue)) or 0
  if unfinished > 0 and bytes_before + bytes_taken + size > most_bytes then return false end
  bytes_taken = bytes_taken + size
  return true
end

-- What of an error is no matter of one request: Redis takes no writes.
local function said_of_all(message)
  for _, code in ipairs({ 'OOM ', 'READONLY ', 'MISCONF ', 'NOREPLICAS ' }) do
    local at = string.find(message, code, 1, true)
    if at then return string.sub(message, at) end
  end
end
