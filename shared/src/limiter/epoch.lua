-- Fragment: whether this Redis knows of every permit. Needs keys.lua.
-- One that was restarted, or took a failed one's place, may have lost its last second of permits, and one without an
-- epoch may have lost all. No permit is given until what may have been lost has slid out.

-- Milliseconds until permits may be given again; nil where they may now. `span` is the window with its guard band.
local function until_trusted(now, span)
  local info = redis.pcall('INFO', 'server')
  local run_id = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
  local epoch = redis.call('HMGET', root .. ':epoch', 'run_id', 'since')
  local since = tonumber(epoch[2])
  if epoch[1] ~= run_id or not since then
    since = now
    redis.call('HSET', root .. ':epoch', 'run_id', run_id, 'since', text(now))
  end
  if now < since + span then return since + span - now end
end
