-- Counts one request that is not for a job; enqueue.lua counts those.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 '1': it is counted; else one only looks  3… the limits, as windows.lua reads them
-- Returns {'counted', now, which limit refuses it (from 1; 0: none), then for each limit, in their order: how many requests are
--         left, when there may be one more}
local now = now_ms()
local over, standings = count_against_limits(ARGV[2] == '1', 3, #ARGV, now)
keep_counts(now)
return { 'counted', text(now), text(over or 0), unpack(standings) }
