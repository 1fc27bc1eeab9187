-- Reads what of a group's window is used at this moment, after window.lua.
-- KEYS  1 root
-- ARGV  1 group
-- Returns {'usage', now_ms, requests, tokens}
-- @include "queue/keys"
-- @include "limiter/window"

local now = now_ms()
local l = open_limiter(ARGV[1], now)
local count = l and l.count or 0
return { 'usage', text(now), count, count > 0 and l.tokens or 0 }
