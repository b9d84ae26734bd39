-- Lets publishers go on, if it is still this command that holds them. KEYS: shards:hold. ARGV: token.
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
