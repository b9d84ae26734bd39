-- Copies one part of a set of identities into a hash, and puts the hash in the set's place after the last part.
-- KEYS: set, hash that is being filled
-- ARGV: cursor of the scan, about how many identities to copy
-- Returns the cursor of the next part, "0" where the key is no set (any more).
-- The entry ids of their predictions are not known, so the values are empty.
if redis.call('TYPE', KEYS[1]).ok ~= 'set' then
  redis.call('UNLINK', KEYS[2]) -- of a conversion that another consumer finished
  return '0'
end
local cursor, identities = unpack(redis.call('SSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2]))
for _, identity in ipairs(identities) do
  redis.call('HSET', KEYS[2], identity, '')
end
if cursor == '0' then
  redis.call('UNLINK', KEYS[1])
  redis.call('RENAME', KEYS[2], KEYS[1])
end
return cursor
