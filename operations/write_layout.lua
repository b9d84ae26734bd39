-- Writes how many shards a domain has from now on, if it is still this command that holds publishers, and lets them go on.
-- KEYS: shards:hold, shards. ARGV: token, count, read, epoch. Returns 1, or 0 if the hold is lost and nothing was written.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'count', ARGV[2], 'read', ARGV[3], 'epoch', ARGV[4])
redis.call('DEL', KEYS[1])
return 1
