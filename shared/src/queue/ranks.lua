-- Fragment of enqueue: the places of several jobs in their class, as rank.lua gives one; shares are read and written once a call.
-- Needs keys.lua and gather.lua.

-- The users of all jobs of the call, and by class what is known of their shares.
local asking, known_shares = {}, {}

-- The rank of a user's new job.
local function next_rank(class, user)
  local key, shares = of_lane('shares', class), known_shares[class]
  if not shares then
    shares = {}
    local scores = redis.call('ZMSCORE', key, '', unpack(asking))
    for n, asks in ipairs(asking) do shares[asks] = tonumber(scores[n + 1]) end
    shares[''] = tonumber(scores[1]) or 0
    known_shares[class] = shares
  end
  local present, own = shares[''], shares[user] or 0
  local rank = own > present and own or present
  shares[user] = rank + 1
  gather(key, text(rank + 1), user)
  return text(rank)
end
