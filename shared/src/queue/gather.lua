-- Fragment of enqueue: what the jobs of one call add to the same sorted sets is written with one command each, at the end of the
-- call. Needs keys.lua.
local gathered, commands = {}, {}

-- Adds two words to a command.
local function add(command, one, other)
  local n = #command
  command[n + 1], command[n + 2] = one, other
end

local function gather(key, score, member)
  local command = gathered[key]
  if not command then
    command = { 'ZADD', key }
    gathered[key] = command
    commands[#commands + 1] = command
  end
  add(command, score, member)
end

-- Writes to the sets, in the order in which something was gathered for them.
local function write_gathered()
  local all = commands
  gathered, commands = {}, {}
  for _, command in ipairs(all) do redis.call(unpack(command)) end
end
