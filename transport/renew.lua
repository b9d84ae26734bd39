-- Resets the idle time of entries in hand, so that others do not claim them: only of those that the consumer still owns.
-- A deleted entry is left as it is: from Redis 7 on a claim would drop it from the pending ones, and its outcome could
-- not be committed.
-- KEYS: stream. ARGV: group, consumer, id... Returns how many of them it still owns.
local owned = 0
for i = 3, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then
    if #redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i]) == 1 then
      redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
    end
    owned = owned + 1
  end
end
return owned
