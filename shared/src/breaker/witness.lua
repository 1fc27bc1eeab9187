-- Takes up what a free look at the model has shown, when a refusal may be about the account and no other job waits.
-- KEYS  1 root
-- ARGV  1 queue  2 lane  3 group  4 good | bad | unknown  5 reason  6 slow_ms  7 probe_ms  8 digest of the settings
-- Returns {'noted', event}: `opened` where the account can't be used, else ''
-- @include "queue/keys"
-- @include "queue/slot"
-- @include "breaker/outcome"
-- @include "breaker/doubt"

local provider, found, now, event = provider_of(ARGV[3]), ARGV[4], now_ms(), ''
write_though_full()
if found == 'good' then
  answer_doubt(provider, nil, now)
elseif found == 'bad' then
  local settings = { open_ms = 0, open_max_ms = 0, slow_ms = tonumber(ARGV[6]), probe_ms = ARGV[7],
    settings = ARGV[8] }
  local breaker = open_breaker(provider, now)
  if breaker.state == 'closed' then event = trip(breaker, settings, ARGV[5], true) end
  condemn(provider, now)
end
redis.call('ZADD', of_lane('wake', ARGV[2]), '0', 'marker')
return { 'noted', event }
