-- Fragment of take: a refusal that turned out to be the job's own counts as a failed attempt. Needs bury.lua, slot.lua and
-- doubt.lua.

-- The attempts of the job, with the refused one where it counts.
local function charge_doubt(id, group, doubted, attempts, now)
  local key, verdict = of_job('job', id), doubt_verdict(provider_of(group), whole_number(doubted) or 0)
  if not verdict then return attempts end
  redis.call('HDEL', key, 'doubted')
  if verdict == 'account' then return attempts end
  local told = redis.call('HMGET', key, 'code', 'message')
  record_attempt(id, now, { attempt = text(attempts + 1), worker = '', code = told[1] or '', message = told[2] or '' })
  redis.call('HSET', key, 'attempts', text(attempts + 1))
  return attempts + 1
end

-- Its last attempt was refused.
local function bury_refused(id, lane, class, now, dead_ttl)
  local told = redis.call('HMGET', of_job('job', id), 'code', 'message')
  bury(id, lane, class, now, dead_ttl, told[1] or '', told[2] or '')
end
