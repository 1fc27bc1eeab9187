-- Fragment: putting a job in line. Needs keys.lua.
-- A job that waits for a worker is in one of three sorted sets:
--   waiting   its lane and class, by rank: the line
--   aside     the same, where its last call was refused or failed: in its turn as well, but no trial and no probe while another
--             job can be one
--   suspects  its lane, by the time of the loss, where its worker was lost with it (suspects.lua)
-- `order` names the lanes that have jobs aside or suspects, so that a take looks for them only then.

local URGENCY = { bulk = 1, normal = 2, interactive = 3 }

-- A job's rank as it was stored; nil where a job of this lane, class and rank can't stand in line.
local function place(lane, class, rank)
  local number = tonumber(rank)
  if lane and lane ~= '' and URGENCY[class or ''] and number and number >= 0 and number < 2 ^ 62 then return text(number) end
end

local function of_aside(lane, class) return of_lane('aside', lane) .. ':' .. class end
local function of_suspects(lane) return of_lane('suspects', lane) end

-- Lets the job wait in its lane and class and wakes one idle worker. `rank` is its place in the class, which it got when
-- it was accepted, so that a job that comes back stands where it stood.
local function put_in_line(id, lane, class, rank)
  local marks, line = redis.pcall('HMGET', of_job('job', id), 'lost', 'aside'), of_line(lane, class)
  local score = rank or '0'
  if whole_number(marks[1]) then
    line, score = of_suspects(lane), marks[1]
    redis.call('HSET', of_queue('order'), 'suspects:' .. lane, '1')
  elseif marks[2] then
    line = of_aside(lane, class)
    redis.call('HSET', of_queue('order'), 'aside:' .. lane, '1')
  end
  local placed = redis.pcall('ZADD', line, score, id)
  -- Not a number: the stored job is damaged, and whoever takes it finds out.
  if type(placed) == 'table' then redis.call('ZADD', line, '0', id) end
  redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
end

-- Takes the job out of line; whether it was there.
local function leave_line(id, lane, class)
  return redis.call('ZREM', of_line(lane, class), id) + redis.call('ZREM', of_aside(lane, class), id)
    + redis.call('ZREM', of_suspects(lane), id) > 0
end
