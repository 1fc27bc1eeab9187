-- Accepts jobs: each of them whole, or not at all. Work that was asked for before is not accepted once more: the answer names the
-- job that is there. Work that someone else is having done is followed, and work that was done lately is answered at once.
-- Whether the user and the address may ask is part of the same step: a request that counts has its answer.
-- Several requests come in one call. Each meets what those before it have done, as if it had come alone; what all of them read or
-- add to is read and written once.
-- KEYS  1 root
-- ARGV  1 queue  2 deadline_ms (from now)  3 max_attempts  4 most jobs that may be unfinished  5 most bytes of their payloads
--       6 completed_ttl_ms  7 idempotency_ttl_ms  8 to 11 limits of the budget
--       12… the limits of requests, as windows.lua reads them
--       then for each request: 1 id  2 kind  3 lane  4 user  5 payload  6 delay_ms  7 class  8 tokens of what is sent upstream,
--       estimated  9 digest of the work ('': it is never shared)  10 '1': it must be done anew  11 digest of the idempotency key
--       and its user ('': none)  12 digest of the request  13 '1': its user's list shows it, and it counts as the user's
--       14, 15 tokens and micro-dollars that it may come to ('0': only the kill switch stops it; '': nothing does)
--       16 recording ('': none)  17 how many limits of requests it counts against, and these: number and whose, of each
-- Returns {'enqueued', answers}; each of these is a text of two lines, since many short ones would take longer to write and read.
--         The first has, with spaces between them: a word, jobs that wait before it (where it is listed), now, which limit of
--         requests refuses it (from 1; 0: none), then for each of those limits how many requests are left and when there may be
--         one more. The second goes with the word:
--         accepted | joined: leader | cached: whose result | known: id (the job that is there)
--       | limited | suspended | mismatch (the idempotency key was used for something else) | full: unfinished
--       | killed: reason | over: limit, when it begins anew in ms | error: what Redis said of this request alone
-- @include "queue/keys"
-- @include "queue/texts"
-- @include "queue/gather"
-- @include "queue/line"
-- @include "queue/ranks"
-- @include "queue/share"
-- @include "queue/hurry"
-- @include "budget/in_force"
-- @include "budget/budget"
-- @include "budget/hold"
-- @include "users/track"
-- @include "users/requests"
-- @include "request_limits/windows"
-- @include "queue/enqueue_requests"
-- @include "queue/listed"
-- @include "queue/enqueue_job"

-- How many jobs are at work: they don't wait.
local active

-- The job that was accepted under the idempotency key; and whether that was for another request.
local function known_by_key(r)
  local before = r.asked and stored[of_asked(r.asked)]
  if not before then return end
  local job, request = string.match(before, '^(%S+) (%S+)$')
  return state_of(job) and job, request and request ~= r.request
end

local function reply(r, word, about)
  return word .. ' ' .. text(r.ahead) .. ' ' .. text(now) .. ' ' .. r.standings .. '\n' .. (about or '')
end

-- The answer about `job`, whom a repeat under the same idempotency key gets, too.
local function answer(r, job, word, about)
  if r.listed and word ~= 'known' then list(r.user, job, word) end
  if r.asked then remember(r, job) end
  return reply(r, word, about)
end

-- The answer that there is no job, and why.
local function refuse(r, word, about)
  if r.listed then the_counter().refused(r.user, word) end
  return reply(r, word, about)
end

local function accept(r)
  -- What was accepted under the idempotency key, or that something else was, and that the user may not ask: none of that costs a
  -- request.
  local known, mismatch = known_by_key(r)
  local suspended = not known and r.suspended
  local over
  over, r.standings = count_against_limits(not (known or mismatch or suspended), r.limits_from, r.limits_to, now)
  if r.listed then active = active or redis.call('ZCARD', of_queue('leases')) end
  r.ahead = r.listed and unfinished - active or 0
  if mismatch then return reply(r, 'mismatch') end
  if known then return reply(r, 'known', known) end
  if suspended then return refuse(r, 'suspended') end
  if over then return refuse(r, 'limited') end

  local mine, result_of, leader, gone
  if r.digest and not r.fresh then
    mine, result_of, leader, gone = find_work(r)
    if mine then
      hasten(mine, r)
      return answer(r, mine, 'known', mine)
    end
    if result_of then
      write_ended(r, result_of)
      return answer(r, r.id, 'cached', result_of)
    end
  end

  if unfinished >= most_jobs then return refuse(r, 'full', text(unfinished)) end
  -- Only who has the work done pays for it. It is held to that where nothing is limited, too: an operator may set a limit at any
  -- time.
  local standing
  if r.held_tokens ~= '' and not leader then
    local limits, refused = the_limits()
    if limits and r.held_tokens ~= '0' then
      refused, standing = the_books().refusal(r.user, r.held_tokens, r.held_micros, limits)
    end
    if refused then return refuse(r, refused[1], table.concat(refused, ' ', 2)) end
  end
  local size = #r.payload + #r.recording
  local bytes = size > SMALL_BYTES and text(size)
  if bytes and not take_room(size) then return refuse(r, 'full', text(unfinished)) end

  write_job(r, leader, standing, bytes)
  if leader then
    follow(r, leader)
    return answer(r, r.id, 'joined', leader)
  end
  if r.digest and not r.fresh then lead(r, gone) end
  stand_in_line(r)
  return answer(r, r.id, 'accepted')
end

-- Writes what the requests have added together.
local function finish()
  write_gathered()
  for lane in pairs(lanes_to_wake) do redis.call('ZADD', of_lane('wake', lane), '0', 'marker') end
  if bytes_taken > 0 then redis.call('HSET', root .. ':bytes', queue, text(bytes_before + bytes_taken)) end
  keep_counts(now)
  if books then books.keep() end
  if counter then counter.keep() end
end

local replies = {}
for _, r in ipairs(asked_for) do
  local answered, reply = pcall(accept, r)
  local said = not answered and tostring(type(reply) == 'table' and reply.err or reply)
  -- What Redis says of every write is said of the call, and what it says of a damaged key to the one who met it.
  if said and said_of_all(said) then
    pcall(finish)
    return redis.error_reply(said_of_all(said))
  end
  replies[#replies + 1] = said and 'error\n' .. said or reply
end
finish()
return { 'enqueued', replies }
