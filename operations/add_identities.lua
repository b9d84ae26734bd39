-- Adds predicted identities of other shards to one shard. KEYS: dedup current, previous, rotated. ARGV: for how many s
-- identities are kept, then identities and the entries of their predictions in turn.
-- Rotates before, as the commit script would: otherwise its next rotation could drop what is added here.
local current, previous, rotated = unpack(KEYS)
local kept_s = tonumber(ARGV[1])
local now = tonumber(redis.call('TIME')[1])
local since = tonumber(redis.call('GET', rotated) or nil)
if not since or now - since >= kept_s then
  redis.call('UNLINK', previous)
  if since and now - since >= 2 * kept_s then
    redis.call('UNLINK', current)
  elseif redis.call('EXISTS', current) == 1 then
    redis.call('RENAME', current, previous)
  end
  redis.call('SET', rotated, now)
end
for i = 2, #ARGV, 2 do redis.call('HSETNX', current, ARGV[i], ARGV[i + 1]) end
