-- Writes how many shards a domain has, unless Redis knows it. KEYS: shards. ARGV: count, read, epoch. Returns 1 if it did.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'count', ARGV[1], 'read', ARGV[2], 'epoch', ARGV[3])
return 1
