-- Fragment of enqueue: what several jobs of one call add to the same keys is written with one command, at the end of the call.
-- Needs keys.lua.
local gathered, commands = {}, {}

-- Adds two arguments to a command on a key.
local function gather(command, key, one, other)
  local name = command .. key
  local call = gathered[name]
  if not call then
    call = { command, key }
    gathered[name] = call
    commands[#commands + 1] = call
  end
  call[#call + 1] = one
  call[#call + 1] = other
end

-- Runs the commands, in the order in which they were begun.
local function write_gathered()
  local calls = commands
  gathered, commands = {}, {}
  for _, call in ipairs(calls) do redis.call(unpack(call)) end
end
