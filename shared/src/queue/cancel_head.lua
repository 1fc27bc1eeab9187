-- Ends a job by request, wherever it stands.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 completed_ttl_ms  4 dead_ttl_ms  5 code  6 message
-- Returns {'cancelled'} | {'ended', state} | {'gone'}
local id, completed_ttl, dead_ttl = ARGV[2], ARGV[3], ARGV[4]
