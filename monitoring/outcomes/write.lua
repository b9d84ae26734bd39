-- Carries out writes atomically if all their guards hold.
-- KEYS: every key used. ARGV: one JSON document {guards, writes}.
-- A guard is {key, field, expected}: a hash's field, or a string if the field is ""; an expected "" means that it must
-- not exist. A write is {command, key, argument...}. A key is given by its position in KEYS.
-- Returns 1 if everything was written, 0 if a guard did not hold and nothing was written.
local request = cjson.decode(ARGV[1])
for _, guard in ipairs(request.guards) do
  local key, field, expected = KEYS[guard[1]], guard[2], guard[3]
  local value = field == '' and redis.call('GET', key) or field ~= '' and redis.call('HGET', key, field)
  if (value or '') ~= expected then return 0 end
end
for _, write in ipairs(request.writes) do
  redis.call(write[1], KEYS[write[2]], unpack(write, 3))
end
return 1
