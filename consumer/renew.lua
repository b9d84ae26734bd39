-- Keeps entries in hand from being claimed by others: only those that the consumer still owns.
-- KEYS: listings. ARGV: group, consumer, id... Returns how many it still owns.
local owned = 0
for i = 3, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
    owned = owned + 1
  end
end
return owned
