-- Counts one request that is not for a job; enqueue.lua counts those.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 '1': it is counted; else one only looks  3… the limits, as windows.lua reads them, and whose each is
-- Returns {'counted', a text with spaces between: now, which limit refuses it (from 1; 0: none), then for each limit, in their order:
--         how many requests are left, when there may be one more}
-- @include "queue/keys"
-- @include "request_limits/windows"

local now = now_ms()
local _, said = count_against_limits(ARGV[2] == '1', read_kinds(3, now) + 1, #ARGV, now)
keep_counts(now)
return { 'counted', text(now) .. ' ' .. said }
