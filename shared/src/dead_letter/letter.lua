-- Fragment: whether a dead letter is still the one that was meant. Needs share.lua, bury.lua and pass_on.lua.

-- nil where job `id`, which is in `state`, is the dead letter that ended at `ended` ('': whenever), and nobody waits for its end any more. Else the word
-- for what it is: elsewhere (someone has seen to it) | gone (nothing but its entry was left, which goes) | broken (it is not
-- readable, and stays) | later (jobs still wait for its end: they are seen to first, so many at a time).
local function no_letter(id, state, ended, now)
  local dead, followers = of_queue('dead'), of_job('followers', id)
  local score = redis.call('ZSCORE', dead, id)
  if not score or ended ~= '' and tonumber(score) ~= tonumber(ended) then return 'elsewhere' end
  if state ~= 'failed' then
    if redis.call('EXISTS', of_job('job', id)) == 0 then
      redis.call('ZREM', dead, id)
      drop_remains(id, now)
      return 'gone'
    end
    if not state then return 'broken' end
    redis.call('ZREM', dead, id)
    return 'elsewhere'
  end
  if redis.call('EXISTS', followers) == 1 then
    release(id, now)
    if redis.call('EXISTS', followers) == 1 then return 'later' end
  end
end
