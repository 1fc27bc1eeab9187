-- Puts dead letters back in line, each of them whole or not at all.
-- Leaving `dead` decides who has done it. Work that is being done is followed, and work that was done lately is the answer, as in
-- enqueue: nothing is paid for twice. What its calls may come to is held anew.
-- KEYS  1 root
-- ARGV  1 queue  2 completed_ttl_ms  3 dead_ttl_ms  4 deadline_ms (from now)  5 most jobs that may be unfinished  6 most bytes of
--       their payloads  7 '1': attempts are counted from 1 anew  8… id, when it ended ('': whenever), …
-- Returns {'requeued', word, …}; for each: moved | joined (it follows the job that does its work) | answered (its work was done)
--       | unrecorded | full | killed | over (the budget) | suspended (its user is): it stays | or what no_letter says of it
-- @include "queue/keys"
-- @include "dead_letter/retention"
-- @include "queue/line"
-- @include "queue/rank"
-- @include "queue/slot"
-- @include "budget/in_force"
-- @include "budget/budget"
-- @include "budget/hold"
-- @include "users/track"
-- @include "queue/share"
-- @include "queue/hurry"
-- @include "queue/bury"
-- @include "queue/broken"
-- @include "queue/pass_on"
-- @include "dead_letter/letter"
-- @include "dead_letter/put_back"

local now, deadlines, deadline_ms = now_ms(), of_queue('deadlines'), tonumber(ARGV[4])
local sizes, deadline = root .. ':bytes', text(now + deadline_ms)
local limits = budget_limits({})
local some_suspended = redis.call('HLEN', root .. ':suspended') > 0
local books, tracked, woken = nil, nil, {}

local function track()
  tracked = tracked or tracking()
  return tracked
end

-- Takes the room that its payload needs; whether there was so much.
local function take_room(letter)
  local unfinished = redis.call('ZCARD', deadlines)
  if unfinished >= tonumber(ARGV[5]) then return false end
  if not letter.bytes then return true end
  if unfinished == 0 then
    redis.call('HSET', sizes, queue, letter.bytes)
  elseif redis.call('HINCRBY', sizes, queue, letter.bytes) > tonumber(ARGV[6]) then
    redis.call('HINCRBY', sizes, queue, '-' .. letter.bytes)
    return false
  end
  return true
end

-- The letter's fields as a job that waits.
local function waiting(letter, rank)
  local attempts, max = letter.attempts, letter.max
  if ARGV[7] == '1' then attempts = 0 elseif attempts >= max then max = attempts + 1 end
  local fields = { 'state', 'waiting', 'attempts', text(attempts), 'max', text(max), 'rank', rank }
  local function field(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  return fields, field
end

local function put_back(id, ended)
  local letter = read_letter(id)
  local other = no_letter(id, letter.state, ended, now)
  if other then return other end
  if not is_sound(letter) then return 'broken' end
  if not limits then return 'killed' end
  if some_suspended and redis.call('HEXISTS', root .. ':suspended', letter.user) == 1 then return 'suspended' end
  local result_of, leader, gone = meet_work(letter, now)
  if result_of then
    answer_letter(letter, result_of, now, track)
    return 'answered'
  end
  -- Its recording was dropped with its end.
  if letter.unrecorded then return 'unrecorded' end

  local pays, refused, standing = not leader and letter.tokens, nil, nil
  if pays then
    books = books or holding(now)
    refused, standing = books.refusal(letter.user, letter.tokens, letter.micros, limits)
    if refused then return refused[1] end
  end
  if not take_room(letter) then return 'full' end

  local rank = leader and '0' or next_rank(letter.class, letter.user, letter.lane)
  local fields, field = waiting(letter, rank)
  if letter.bytes then field('bytes', letter.bytes) end
  if pays then field('held', books.hold(standing)) end
  if leader then field('follows', '1') end
  raise(letter, track, fields)
  redis.call('PERSIST', letter.key)
  redis.call('PERSIST', of_job('attempts', id))
  if letter.resumed then redis.call('PERSIST', of_job('checkpoints', id)) end
  redis.call('ZADD', deadlines, deadline, id)
  if letter.digest and not letter.repeated then
    redis.call('SET', of_repeat(letter.digest, letter.user), id, 'PX', ARGV[4])
  end
  redis.call('PUBLISH', of_job('events', id), 'waiting')
  if leader then
    mend('ZADD', of_job('followers', leader), text(now), id)
    outlive(of_job('followers', leader), deadline_ms)
    hurry(leader, letter.class, letter.user)
    return 'joined'
  end
  if letter.digest and not letter.fresh then lead(letter, gone, deadline_ms) end
  if woken[letter.lane] then
    redis.call('ZADD', of_line(letter.lane, letter.class), rank, id)
  else
    put_in_line(id, letter.lane, letter.class, rank)
    woken[letter.lane] = true
  end
  return 'moved'
end

local reply, room = { 'requeued' }, true
for i = 8, #ARGV, 2 do
  -- Where one finds no room, those behind it must not overtake it.
  local word = room and put_back(ARGV[i], ARGV[i + 1]) or 'full'
  room = room and word ~= 'full'
  reply[#reply + 1] = word
end
if books then books.keep() end
return reply
