-- Keeps commands in hand from being claimed by others, and the place of the one that trains.
-- KEYS: commands, training. ARGV: group, consumer, how long the place is kept in ms, entry id...
-- Returns how many the worker still owns.
local owned = 0
for i = 4, #ARGV do
  local id = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) == 1 then
    -- on servers from 7.0 on, claiming an entry that was deleted would drop it from the pending ones
    if #redis.call('XRANGE', KEYS[1], id, id) == 1 then
      redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
    end
    owned = owned + 1
  end
  if redis.call('GET', KEYS[2]) == id then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
end
return owned
