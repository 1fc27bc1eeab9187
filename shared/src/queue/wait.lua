-- Fragment of take: jobs wait and none may run now. Needs keys.lua.
-- One worker of the fleet is booked: it asks again when the next permit is due. The others wait until they are woken.

-- Why no job of this queue may be taken at all.
local function paused(group, gate)
  if redis.call('HEXISTS', of_queue('order'), 'paused') == 1 then return { -1, 'paused' } end
  if redis.call('HEXISTS', root .. ':budget', 'kill') == 1 then return { -1, 'killed' } end
  if group ~= '' and not gate then return { 0, 'unannounced' } end
end

-- Books `worker` for the wait, unless another one is, or it has no free slot left. Returns {wait_ms, why, wake}: `wake`
-- where someone else is needed to be booked.
local function book(group, worker, wait, now, free)
  if group == '' or wait[2] == 'unannounced' then return wait end
  local key, ms = root .. ':limiter:' .. group, wait[1]
  local f = redis.call('HMGET', key, 'booked', 'booked_until')
  local fields, wake = { 'passed', text(now) }, false
  if wait[3] and ms > 0 then
    for _, word in ipairs({ 'next_at', text(now + ms), 'why', wait[2] }) do table.insert(fields, word) end
  end
  if ms >= 0 then
    local other = f[1] and f[1] ~= worker and now < (tonumber(f[2]) or 0)
    if not other and free then
      for _, word in ipairs({ 'booked', worker, 'booked_until', text(now + ms + BOOKING_MS) }) do table.insert(fields, word) end
    else
      ms, wake = -1, not other
    end
  end
  redis.call('HSET', key, unpack(fields))
  return { ms, wait[2], wake }
end

-- Wakes an idle worker for each lane in which jobs are left.
local function wake_for_the_rest(order, lanes)
  for _, line in ipairs(order.classes) do
    for _, lane in ipairs(lanes) do
      if redis.call('EXISTS', of_line(lane, line.class), of_aside(lane, line.class)) > 0 then
        redis.call('ZADD', of_lane('wake', lane), '0', 'marker')
      end
    end
  end
end
