-- Fragment of take: who is next. Needs keys.lua.
-- Between classes: each has a clock that moves by its stride with every job taken, and the class whose clock is behind
-- goes first. A class that had nothing waiting does not save up: it begins at the present. So an interactive job is next,
-- or the one after next where a lower class's share is due.
-- Within a class, by rank (rank.lua).

-- Shares of 75, 20 and 5 % where all three have work.
local CLASSES = { 'interactive', 'normal', 'bulk' }
local STRIDES = { interactive = 4, normal = 15, bulk = 60 }

-- The heads of each class, at most `most` of each: ids, ranks and lanes, in order.
local function lines(lanes, most)
  local clocks = redis.call('HMGET', of_queue('order'), 'now', CLASSES[1], CLASSES[2], CLASSES[3])
  local order = { now = tonumber(clocks[1]) or 0, classes = {} }
  for c, class in ipairs(CLASSES) do
    local heads = {}
    for _, lane in ipairs(lanes) do
      local key = of_line(lane, class)
      local part = redis.call('ZRANGE', key, 0, most - 1, 'WITHSCORES')
      for i = 1, #part, 2 do
        heads[#heads + 1] = { id = part[i], lane = lane, key = key, rank = tonumber(part[i + 1]) }
      end
    end
    if heads[1] then
      if #lanes > 1 then
        table.sort(heads, function(a, b) return a.rank < b.rank or (a.rank == b.rank and a.id < b.id) end)
      end
      table.insert(order.classes, { class = class, heads = heads, at = 1, clock = tonumber(clocks[c + 1]) or 0 })
    end
  end
  return order
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
      table.insert(clocks, line.class)
      table.insert(clocks, text(line.clock))
    end
  end
  redis.call('HSET', of_queue('order'), unpack(clocks))
end
