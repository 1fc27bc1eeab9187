-- Fragment: putting a job in line. Needs keys.lua.

-- Lets the job wait in its lane and wakes one idle worker. `order` is the time at which it was accepted, so that a job
-- that comes back stands where it stood.
local function put_in_line(id, lane, order)
  redis.call('ZADD', of_lane('waiting', lane), order, id)
  redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
end
