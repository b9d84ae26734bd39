-- Carries out writes together, if what they rest on still holds.
-- KEYS: every key that is touched. ARGV: one JSON document {guards, writes}.
-- A guard is {key, field, expected}: a hash's field, or without a field ("") a string; "" is expected of what is not there.
-- A write is {command, key, argument...}; a key is its position among KEYS.
-- Returns 1 when everything was written, 0 when a guard did not hold and nothing was.
local asked = cjson.decode(ARGV[1])
for _, guard in ipairs(asked.guards) do
  local key, field, expected = KEYS[guard[1]], guard[2], guard[3]
  local found = field == '' and redis.call('GET', key) or field ~= '' and redis.call('HGET', key, field)
  if (found or '') ~= expected then return 0 end
end
for _, write in ipairs(asked.writes) do
  redis.call(write[1], KEYS[write[2]], unpack(write, 3))
end
return 1
