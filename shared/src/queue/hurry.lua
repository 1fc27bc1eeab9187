-- Fragment of enqueue: someone more urgent wants a job that is there. Needs line.lua, rank.lua and share.lua.

-- Lets the job stand in the class of the one who wants it, where that is a more urgent one; one that follows takes the job
-- that does its work along.
local function hurry(id, class, user)
  local key = of_job('job', id)
  local job = redis.pcall('HMGET', key, 'class', 'state', 'lane', 'rank', 'follows', 'content')
  if not RUNNING[job[2]] or (URGENCY[class] or 0) <= (URGENCY[job[1]] or 0) then return end
  if job[5] then
    redis.call('HSET', key, 'class', class)
    local leader = job[6] and mend('GET', of_leader(job[6]))
    return leader and leader ~= id and hurry(leader, class, user)
  end
  if not place(job[3], job[1], job[4]) then return end
  local rank = next_rank(class, user, job[3])
  redis.call('HSET', key, 'class', class, 'rank', rank)
  if job[2] == 'waiting' and leave_line(id, job[3], job[1]) then put_in_line(id, job[3], class, rank) end
end
