-- Fragment of enqueue: a number that several jobs of one call write is formatted once. Needs keys.lua.
local texts, format = {}, text
local function text(number)
  local known = texts[number]
  if not known then
    known = format(number)
    texts[number] = known
  end
  return known
end
