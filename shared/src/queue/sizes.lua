-- Fragment: bytes that are counted of payloads and results. Needs keys.lua.

-- Takes `bytes` off what is counted under `name`: the payloads of a queue, or all results. Nothing counted is no field.
local function uncount(name, bytes)
  local sizes = root .. ':bytes'
  local left = redis.pcall('HINCRBY', sizes, name, '-' .. bytes)
  if type(left) ~= 'number' or left <= 0 then redis.call('HDEL', sizes, name) end
end
