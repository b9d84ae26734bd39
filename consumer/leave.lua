-- Removes a consumer from the group and its heartbeat, but only when it holds nothing: what a removed consumer held
-- could never be acknowledged again.
-- KEYS: listings, consumers. ARGV: group, consumer. Returns 1 if it left, 0 if it still holds entries.
if redis.call('EXISTS', KEYS[1]) == 1 then
  local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
  if not held.err then
    if #held > 0 then return 0 end
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
  end
end
redis.call('HDEL', KEYS[2], ARGV[2])
return 1
