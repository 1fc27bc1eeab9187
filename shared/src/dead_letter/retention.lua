-- Fragment of the scripts that see to dead letters: how long what has ended is kept, which pass_on.lua needs.
local completed_ttl, dead_ttl = ARGV[2], ARGV[3]
