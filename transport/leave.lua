-- Removes a consumer from its group, but only when it holds nothing: what a removed consumer held could never be
-- acknowledged again.
-- KEYS: stream. ARGV: group, consumer, then, if pending entries are to be given back first, the idle time in ms from which
-- others claim: so another consumer takes them at once, and the stop does not count as a failed attempt.
-- Returns how many entries stay pending; 0 also where there is no group.
local key, group, consumer, idle_ms = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', key) == 0 then return 0 end
local pending = redis.pcall('XPENDING', key, group, '-', '+', 1000, consumer)
if pending.err then return 0 end
if #pending == 0 then redis.call('XGROUP', 'DELCONSUMER', key, group, consumer) end
for _, entry in ipairs(idle_ms and pending or {}) do
  local id, deliveries = entry[1], entry[4]
  -- from Redis 7 on, claiming an entry that was deleted would drop it from the pending ones
  if #redis.call('XRANGE', key, id, id) == 1 then
    redis.call('XCLAIM', key, group, consumer, 0, id, 'IDLE', idle_ms, 'RETRYCOUNT', math.max(deliveries - 1, 0), 'JUSTID')
  end
end
return #pending
