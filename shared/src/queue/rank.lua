-- Fragment: a job's place in its class (newcomers.lua). Needs keys.lua.
-- @include "queue/newcomers"

-- The rank of a user's new job. `shares` has the rank of each user's next one; the user without a name is the present of the class.
local function next_rank(class, user, lane)
  local shares, newcomers = of_lane('shares', class), of_lane('newcomers', class)
  local score = redis.call('ZMSCORE', shares, '', user)
  local present, rank = tonumber(score[1]) or 0, tonumber(score[2])
  if not rank or rank <= present then
    local last = tonumber(redis.call('ZREVRANGE', newcomers, 0, 0, 'WITHSCORES')[2])
    rank = newcomer_rank(lane, class, present, last, function(ranks)
      return redis.call('ZMSCORE', newcomers, unpack(ranks))
    end)
    redis.call('ZADD', newcomers, text(rank), text(rank))
  end
  redis.call('ZADD', shares, text(rank + ROUND), user)
  return text(rank)
end
