-- Fragment of enqueue: the places of several jobs in their class, as rank.lua gives one; shares are read and written once a call.
-- Needs keys.lua and gather.lua.
-- @include "queue/newcomers"

-- The users of all jobs of the call, and by class what is known of their shares and of newcomers.
local asking, known_classes = {}, {}

local function known_class(class)
  local known = known_classes[class]
  if known then return known end
  known = { shares = {}, newcomers = of_lane('newcomers', class), young = {} }
  local scores = redis.call('ZMSCORE', of_lane('shares', class), '', unpack(asking))
  for n, asks in ipairs(asking) do known.shares[asks] = tonumber(scores[n + 1]) end
  known.present = tonumber(scores[1]) or 0
  known_classes[class] = known
  return known
end

-- The rank of a user's new job.
local function next_rank(class, user, lane)
  local known = known_class(class)
  local rank = known.shares[user]
  if rank and rank > known.present then
    known.moved = true
  else
    -- What stands in line counts, also from this call.
    if known.moved then
      write_gathered()
      known.moved = false
    end
    known.last = known.last or tonumber(redis.call('ZREVRANGE', known.newcomers, 0, 0, 'WITHSCORES')[2]) or 0
    rank = newcomer_rank(lane, class, known.present, known.last, function(ranks)
      local scores = redis.call('ZMSCORE', known.newcomers, unpack(ranks))
      for n, of_other in ipairs(ranks) do scores[n] = scores[n] or known.young[of_other] or false end
      return scores
    end)
    known.last, known.young[text(rank)] = math.max(known.last, rank), true
    gather(known.newcomers, text(rank), text(rank))
  end
  known.shares[user] = rank + ROUND
  gather(of_lane('shares', class), text(rank + ROUND), user)
  return text(rank)
end
