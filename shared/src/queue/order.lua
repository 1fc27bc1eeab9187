-- Fragment: who is next. Needs keys.lua.
-- Between classes: each has a clock that moves by its stride with every job taken, and the class whose clock is behind
-- goes first. A class that had nothing waiting does not save up: it begins at the present. So an interactive job is next,
-- or the one after next where a lower class's share is due.
-- Within a class, by start-time fair queueing: a user's jobs stand one step apart from the class's present on, so that
-- everybody's first job comes before anybody's second. https://doi.org/10.1145/248156.248171

-- Shares of 75, 20 and 5 % where all three have work.
local CLASSES = { 'interactive', 'normal', 'bulk' }
local STRIDES = { interactive = 4, normal = 15, bulk = 60 }

-- The rank of a user's new job.
local function next_rank(class, user)
  local shares = of_lane('shares', class)
  local present = tonumber(redis.call('HGET', of_queue('order'), 'rank:' .. class)) or 0
  local rank = math.max(present, tonumber(redis.call('ZSCORE', shares, user)) or 0)
  redis.call('ZADD', shares, text(rank + 1), user)
  return text(rank)
end

-- The heads of each class, in order, at most `most` of each.
local function lines(lanes, most)
  local clocks = redis.call('HMGET', of_queue('order'), 'now', CLASSES[1], CLASSES[2], CLASSES[3])
  local order = { now = tonumber(clocks[1]) or 0, classes = {} }
  for c, class in ipairs(CLASSES) do
    local line = { class = class, clock = tonumber(clocks[c + 1]) or 0, at = 1 }
    for _, lane in ipairs(lanes) do
      local heads = redis.call('ZRANGE', of_line(lane, class), 0, most - 1, 'WITHSCORES')
      for i = 1, #heads, 2 do
        line[#line + 1] = { id = heads[i], lane = lane, class = class, rank = tonumber(heads[i + 1]) }
      end
    end
    if line[1] then
      if #lanes > 1 then
        table.sort(line, function(a, b) return a.rank < b.rank or (a.rank == b.rank and a.id < b.id) end)
      end
      table.insert(order.classes, line)
    end
  end
  return order
end

-- The line whose turn it is, with its start; nil where nothing waits.
local function whose_turn(order)
  local turn, start
  for _, line in ipairs(order.classes) do
    local own = line[line.at] and math.max(order.now, line.clock)
    if own and (not start or own < start) then turn, start = line, own end
  end
  return turn, start
end

-- Moves on, after the head of `line` was taken.
local function pass(order, line, start)
  order.now, order.moved = start, true
  line.clock, line.moved = start + STRIDES[line.class], line[line.at].rank
  line.at = line.at + 1
end

-- Writes down where the clocks stand. Shares that lie in the past are those of users who have nothing waiting.
local function keep_order(order)
  if not order.moved then return end
  local clocks = { 'now', text(order.now) }
  for _, line in ipairs(order.classes) do
    if line.moved then
      local present = tonumber(redis.call('HGET', of_queue('order'), 'rank:' .. line.class)) or 0
      if line.moved > present then
        present = line.moved
        redis.call('ZREMRANGEBYSCORE', of_lane('shares', line.class), '-inf', text(present))
      end
      for _, word in ipairs({ line.class, text(line.clock), 'rank:' .. line.class, text(present) }) do
        table.insert(clocks, word)
      end
    end
  end
  redis.call('HSET', of_queue('order'), unpack(clocks))
end
