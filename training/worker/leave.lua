-- Gives back what is in hand, so that another worker takes it at once and the stop does not count as a failed attempt,
-- then leaves the group if nothing is held: what a removed consumer held could never be acknowledged again.
-- KEYS: commands. ARGV: group, consumer, idle ms from which others claim. Returns how many entries it leaves pending.
local key, group, consumer = KEYS[1], ARGV[1], ARGV[2]
if redis.call('EXISTS', key) == 0 then return 0 end
local held = redis.pcall('XPENDING', key, group, '-', '+', 1000, consumer)
if held.err then return 0 end
for _, pending in ipairs(held) do
  local id, deliveries = pending[1], pending[4]
  if #redis.call('XRANGE', key, id, id) == 1 then
    redis.call('XCLAIM', key, group, consumer, 0, id, 'IDLE', ARGV[3], 'RETRYCOUNT', math.max(deliveries - 1, 0), 'JUSTID')
  end
end
if #held == 0 then redis.call('XGROUP', 'DELCONSUMER', key, group, consumer) end
return #held
