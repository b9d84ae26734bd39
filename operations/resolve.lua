-- Deletes a dead letter, publishes its payload again if one is given, and records the resolution for `verify`.
-- KEYS: dead letters, listings, resolutions. ARGV: the dead letter's entry id, the resolution as JSON, how many
-- resolutions to keep, what follows the new entry's id in its name, then optionally the payload. Returns the new
-- entry's id, "" if nothing was published, or nil if the dead letter does not exist.
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return nil end

-- Redis does not roll back a failed script, so check what can fail before the first write: keys of a wrong type, and a
-- user without the right to delete (entry 0-1 never exists).
redis.call('XLEN', KEYS[2])
redis.call('XLEN', KEYS[3])
redis.call('XDEL', KEYS[1], '0-1')

local entry = ''
local resolution = cjson.decode(ARGV[2])
if ARGV[5] then
  entry = redis.call('XADD', KEYS[2], '*', 'data', ARGV[5])
  resolution.data.entry = entry .. ARGV[4]
end
local recorded = redis.pcall('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'data', cjson.encode(resolution))
if recorded.err then
  -- no reader has seen the entry yet: Redis serves them after the script
  if ARGV[5] then redis.call('XDEL', KEYS[2], entry) end
  return recorded
end
redis.call('XDEL', KEYS[1], ARGV[1])
return entry
