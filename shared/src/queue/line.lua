-- Fragment: putting a job in line. Needs keys.lua.

-- Lets the job wait in its lane and class and wakes one idle worker. `rank` is its place in the class, which it got when
-- it was accepted, so that a job that comes back stands where it stood.
local function put_in_line(id, lane, class, rank)
  redis.call('ZADD', of_line(lane, class), rank, id)
  redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
end
