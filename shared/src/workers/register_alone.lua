-- A worker whose calls nothing limits says that it lives. Others do so with their limits (limiter/announce.lua).
-- KEYS  1 root
-- ARGV  1 queue  2 worker  3 ttl_ms (0: it takes nothing more)  4 replica  5 version  6 up_ms  7 slots  8 busy  9 cpu
--       10 model  11 priced
-- Returns {'registered'}
-- @include "queue/keys"
-- @include "workers/register"

write_though_full()
register(queue, ARGV[2], tonumber(ARGV[3]), now_ms(), { ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11] })
return { 'registered' }
