-- Removes dead letters permanently, with all that was kept of them.
-- KEYS  1 root
-- ARGV  1 queue  2 completed_ttl_ms  3 dead_ttl_ms  4… id, when it ended ('': whenever), …
-- Returns {'purged', word, …}: for each, purged, or what no_letter says of it
-- @include "queue/keys"
-- @include "dead_letter/retention"
-- @include "queue/line"
-- @include "queue/rank"
-- @include "queue/slot"
-- @include "budget/budget"
-- @include "users/track"
-- @include "queue/share"
-- @include "queue/bury"
-- @include "queue/broken"
-- @include "queue/pass_on"
-- @include "dead_letter/letter"

local now = now_ms()
write_though_full()
local reply = { 'purged' }
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  local word = no_letter(id, state_of(id), ARGV[i + 1], now)
  if not word then
    redis.call('ZREM', of_queue('dead'), id)
    redis.call('UNLINK', of_job('job', id), of_job('checkpoints', id), of_job('attempts', id))
    word = 'purged'
  end
  reply[#reply + 1] = word
end
return reply
