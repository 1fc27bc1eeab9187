-- Fragment: where a user who has nothing in line comes in. Needs keys.lua.
-- Start-time fair queueing: a user's jobs stand one round apart, and each user has a place of their own in the round, so that between
-- two jobs of one user everybody has one. A newcomer comes in right after the present, before the second round of everybody
-- else; further newcomers after one job each of those who have been served before, so that a stream of new names takes every
-- second permit and no more. `newcomers` has the ranks of first jobs that have not been taken.
-- https://doi.org/10.1145/248156.248171

-- A round, and the distance between users who come in one after another; between them there is room for others later.
local ROUND, STEP = 16777216, 16
-- Jobs in line that are looked at.
local AHEAD_MAX = 16

-- The rank of the first job of a user of this class and lane. `last` is the greatest rank of a newcomer that is not taken yet, or
-- nil; `young` tells whether a rank is that of such a job, for a list of them.
local function newcomer_rank(lane, class, present, last, young)
  local from = last and last > present and last or present
  local line = redis.call('ZRANGEBYSCORE', of_line(lane, class), '(' .. text(from), text(from + ROUND), 'WITHSCORES',
    'LIMIT', 0, AHEAD_MAX)
  local taken, firsts = {}, {}
  for i = 2, #line, 2 do
    local other = tonumber(line[i])
    taken[#taken + 1] = other
    -- The next job of its user.
    firsts[#firsts + 1] = text(other - ROUND * math.floor((other - present - 1) / ROUND))
  end
  local after, next_taken = from, 1
  if from > present and firsts[1] then
    for n, is_young in ipairs(young(firsts)) do
      if not is_young then
        after, next_taken = taken[n], n + 1
        break
      end
    end
  end
  -- In the middle of the gap, so that others find room there later.
  while taken[next_taken] and taken[next_taken] - after < 2 do
    after, next_taken = taken[next_taken], next_taken + 1
  end
  return after + math.min(STEP, taken[next_taken] and math.floor((taken[next_taken] - after) / 2) or STEP)
end
