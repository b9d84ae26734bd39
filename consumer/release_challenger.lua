-- Removes the note that a consumer has a challenger loaded, if it is still the one that the caller saw.
-- KEYS: rollout:loaded, rollout:failures. ARGV: consumer, the note, 1 to count it as a death. Returns 1 if it was removed.
local loaded, failures = KEYS[1], KEYS[2]
if redis.call('HGET', loaded, ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', loaded, ARGV[1])
if ARGV[3] == '1' then redis.call('HINCRBY', failures, string.match(ARGV[2], '^%S+'), 1) end
return 1
