-- Takes up what a refused call has taught about the parameters of a model at one address. A refusal of a call that was built
-- before the last adaptation teaches nothing: however many calls meet it at once, it counts once.
-- KEYS  1 root
-- ARGV  1 group  2 digest of the address  3 revision that the call was built with ('': none)  4 field  5 its value
--       6 `change`, or `note` for what changes no call  7 host of the address  8 how long it is kept, in s
-- Returns {'adapted' | 'known', field, value, field, value, …} with what is known now
-- Memory: one hash a group, gone a day after its first field was written; at most FIELDS_MAX fields.
-- @include "queue/keys"

local FIELDS_MAX = 128
local key, digest = root .. ':parameters:' .. ARGV[1], ARGV[2]
local function field(name) return digest .. ':' .. name end

write_though_full()
local word = 'known'
local revision = mend('HGET', key, field('revision')) or ''
if revision == ARGV[3] then
  word = 'adapted'
  if redis.call('HLEN', key) >= FIELDS_MAX then redis.call('UNLINK', key) end
  redis.call('HSET', key, field(ARGV[4]), ARGV[5], field('host'), ARGV[7])
  if ARGV[6] == 'change' then redis.call('HINCRBY', key, field('revision'), '1') end
  if redis.call('TTL', key) < 0 then redis.call('EXPIRE', key, ARGV[8]) end
end
local reply = redis.call('HGETALL', key)
table.insert(reply, 1, word)
return reply
