-- Notes that a consumer is about to load a rollout's challenger, so that its death is counted against the rollout.
-- What an earlier process of this name left behind is such a death.
-- KEYS: rollout:loaded, rollout:failures. ARGV: consumer, its process, rollout, most failures.
-- Returns how many consumers died with this challenger loaded; beyond the most nothing is noted.
local loaded, failures = KEYS[1], KEYS[2]
local consumer, process, rollout = ARGV[1], ARGV[2], ARGV[3]
local before, owner = string.match(redis.call('HGET', loaded, consumer) or '', '^(%S+) (%S+)$')
if owner and owner ~= process then redis.call('HINCRBY', failures, before, 1) end
local count = tonumber(redis.call('HGET', failures, rollout) or 0)
if count > tonumber(ARGV[4]) then
  redis.call('HDEL', loaded, consumer)
else
  redis.call('HSET', loaded, consumer, rollout .. ' ' .. process)
end
return count
