-- Fragment: putting a job in line. Needs keys.lua.

local URGENCY = { bulk = 1, normal = 2, interactive = 3 }

-- A job's rank as it was stored; nil where a job of this lane, class and rank can't stand in line.
local function place(lane, class, rank)
  local number = tonumber(rank)
  if lane and lane ~= '' and URGENCY[class or ''] and number and number >= 0 and number < 2 ^ 62 then return text(number) end
end

-- Lets the job wait in its lane and class and wakes one idle worker. `rank` is its place in the class, which it got when
-- it was accepted, so that a job that comes back stands where it stood.
local function put_in_line(id, lane, class, rank)
  local placed = redis.pcall('ZADD', of_line(lane, class), rank or '0', id)
  -- Not a number: the stored job is damaged, and whoever takes it finds out.
  if type(placed) == 'table' then redis.call('ZADD', of_line(lane, class), '0', id) end
  redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
end
