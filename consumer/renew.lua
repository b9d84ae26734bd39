-- Keeps entries in hand from being claimed by others: only those that the consumer still owns. What has been deleted is
-- left as it is: from Redis 7 on a claim would drop it from the pending ones, and its outcome could not be committed.
-- KEYS: listings. ARGV: group, consumer, id... Returns how many it still owns.
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
