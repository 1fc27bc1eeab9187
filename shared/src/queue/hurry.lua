-- Fragment of enqueue: someone more urgent wants a job that is there. Needs line.lua and rank.lua.

-- Lets the job stand in the class of the one who wants it, where that is a more urgent one.
local function hurry(id, class, user)
  local URGENCY = { bulk = 1, normal = 2, interactive = 3 }
  local key = of_job('job', id)
  local job = redis.call('HMGET', key, 'class', 'state', 'lane')
  if (URGENCY[class] or 0) <= (URGENCY[job[1]] or 0) then return end
  local rank = next_rank(class, user)
  redis.call('HSET', key, 'class', class, 'rank', rank)
  if job[2] == 'waiting' and redis.call('ZREM', of_line(job[3], job[1]), id) == 1 then put_in_line(id, job[3], class, rank) end
end
