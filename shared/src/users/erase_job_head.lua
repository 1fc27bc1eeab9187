-- Erases a job that has ended, and all that is kept of it but its result, which others may have: that answers for nobody
-- anew, and is kept in mind on the user's list. Jobs that still wait for it get it first. Safe to repeat.
-- KEYS  1 root
-- ARGV  1 queue  2 id  3 user  4 digest of its work, where that is known ('': as the job says)  5 completed_ttl_ms  6 dead_ttl_ms
-- Returns {'erased', jobs: 1 or 0} | {'result', jobs} (all but its result) | {'running'} (it has to be cancelled first)
--       | {'more'} (jobs still wait for it: to be repeated) | {'other'} (it is another user's)
local id, user, completed_ttl, dead_ttl = ARGV[2], ARGV[3], ARGV[5], ARGV[6]
