-- Fragment of enqueue: a job's place in its class. Needs keys.lua.
-- Start-time fair queueing: a user's jobs stand one step apart from the class's present on, so that everybody's first job
-- comes before anybody's second. The present is the share of nobody, the user without a name. https://doi.org/10.1145/248156.248171

-- The rank of a user's new job.
local function next_rank(class, user)
  local shares = of_lane('shares', class)
  local score = redis.call('ZMSCORE', shares, '', user)
  local present, own = tonumber(score[1]) or 0, tonumber(score[2]) or 0
  local rank = own > present and own or present
  redis.call('ZADD', shares, text(rank + 1), user)
  return text(rank)
end
