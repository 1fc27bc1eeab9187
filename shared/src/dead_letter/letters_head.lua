-- Head of the scripts that see to dead letters: what the queue's fragments and these expect.
local completed_ttl, dead_ttl = ARGV[2], ARGV[3]
