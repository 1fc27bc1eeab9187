-- Reads what all users did, day by day.
-- KEYS  1 root
-- ARGV  1 '' (no queue)  2 days to tell of, with today
-- Returns {'statistics', unique users of all these days together, {{day, unique users, {field, value, …}}, …}}: newest first
local now, b = now_ms(), budget()
local days, all = {}, {}
for n = 0, tonumber(ARGV[2]) - 1 do
  local at = now - n * DAY_MS
  all[#all + 1] = of_day('unique', at)
  days[#days + 1] = { b.day_of(at), redis.call('PFCOUNT', all[#all]), redis.call('HGETALL', of_day('day', at)) }
end
return { 'statistics', redis.call('PFCOUNT', unpack(all)), days }
