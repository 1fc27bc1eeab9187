-- Fragment of take: who is next. Needs line.lua.
-- Between classes: each has a clock that moves by its stride with every job taken, and the class whose clock is behind
-- goes first. A class that had nothing waiting does not save up: it begins at the present. So an interactive job is next,
-- or the one after next where a lower class's share is due.
-- Within a class, by rank (rank.lua).

-- Shares of 75, 20 and 5 % where all three have work.
local CLASSES = { 'interactive', 'normal', 'bulk' }
local STRIDES = { interactive = 4, normal = 15, bulk = 60 }

-- The heads of each class, at most `most` of each: ids, ranks and lanes, in order.
local function lines(lanes, most)
  local fields = { 'lost', 'now', CLASSES[1], CLASSES[2], CLASSES[3] }
  for _, lane in ipairs(lanes) do
    fields[#fields + 1] = 'aside:' .. lane
    fields[#fields + 1] = 'suspects:' .. lane
  end
  local f = redis.call('HMGET', of_queue('order'), unpack(fields))
  local order = { lost = tonumber(f[1]) or 0, now = tonumber(f[2]) or 0, classes = {}, untried = false, suspects = {} }
  local aside = {}
  for n, lane in ipairs(lanes) do
    aside[lane] = f[4 + 2 * n] and 0
    if f[5 + 2 * n] then order.suspects[#order.suspects + 1] = lane end
  end
  for c, class in ipairs(CLASSES) do
    local heads, parts = {}, 0
    local function read(lane, key, is_aside)
      local part = redis.call('ZRANGE', key, 0, most - 1, 'WITHSCORES')
      if part[1] then parts = parts + 1 end
      for i = 1, #part, 2 do
        heads[#heads + 1] = { id = part[i], lane = lane, key = key, rank = tonumber(part[i + 1]), aside = is_aside }
      end
      return #part
    end
    for _, lane in ipairs(lanes) do
      if read(lane, of_line(lane, class)) > 0 then order.untried = true end
      if aside[lane] then aside[lane] = aside[lane] + read(lane, of_aside(lane, class), true) end
    end
    if heads[1] then
      if parts > 1 then
        table.sort(heads, function(a, b) return a.rank < b.rank or (a.rank == b.rank and a.id < b.id) end)
      end
      table.insert(order.classes, { class = class, heads = heads, at = 1, clock = tonumber(f[c + 2]) or 0 })
    end
  end
  for lane, found in pairs(aside) do
    if found == 0 then redis.call('HDEL', of_queue('order'), 'aside:' .. lane) end
  end
  return order
end

-- Leaves jobs aside where another one can be the trial or the probe: a refused job says nothing about the upstream.
local function leave_aside(order)
  if not order.untried then return end
  for _, line in ipairs(order.classes) do
    local heads = {}
    for _, head in ipairs(line.heads) do
      if not head.aside then heads[#heads + 1] = head end
    end
    line.heads = heads
  end
end

-- The line whose turn it is, its head, and its start; nil where nothing waits.
local function whose_turn(order)
  local turn, start
  for _, line in ipairs(order.classes) do
    if line.heads[line.at] then
      local own = line.clock > order.now and line.clock or order.now
      if not start or own < start then turn, start = line, own end
    end
  end
  return turn, turn and turn.heads[turn.at], start
end

-- Moves on, after the head of `line` was taken.
local function pass(order, line, start)
  order.now, order.moved = start, true
  line.clock = start + STRIDES[line.class]
  -- A rank that no count of jobs comes to is none of ours.
  if line.heads[line.at].rank < 2 ^ 53 then line.moved = line.heads[line.at].rank end
  line.at = line.at + 1
end

-- Writes down where the clocks stand. Shares that lie in the past are those of users who have nothing waiting.
local function keep_order(order)
  if not order.moved then return end
  local clocks = { 'now', text(order.now) }
  for _, line in ipairs(order.classes) do
    if line.moved then
      local shares, present = of_lane('shares', line.class), text(line.moved)
      redis.call('ZADD', shares, 'GT', present, '')
      redis.call('ZREMRANGEBYSCORE', shares, '-inf', '(' .. present)
      redis.call('ZREMRANGEBYSCORE', of_lane('newcomers', line.class), '-inf', present)
      table.insert(clocks, line.class)
      table.insert(clocks, text(line.clock))
    end
  end
  redis.call('HSET', of_queue('order'), unpack(clocks))
end
