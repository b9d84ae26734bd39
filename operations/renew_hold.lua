-- Keeps publishers waiting, if it is still this command that holds them, and says how many shards are read.
-- KEYS: shards:hold, shards. ARGV: token, ms, how many shards are read, count where Redis knows none. Returns 1, or 0 if
-- the hold is lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('HSETNX', KEYS[2], 'count', ARGV[4])
redis.call('HSETNX', KEYS[2], 'epoch', 0)
redis.call('HSET', KEYS[2], 'read', ARGV[3])
return 1
