-- Takes a dead letter off its stream, publishing its payload again on request, and notes that for `verify`.
-- KEYS: dead letters, listings, resolutions. ARGV: the dead letter's entry id, the note's JSON, how many notes to keep,
-- then the payload if it is to be published. Returns the new entry's id, "" where nothing was published, or nil where
-- there is no such dead letter (any more).
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return nil end

-- Redis does not roll back, so what can be refused is tried before the first write: keys of a wrong type, and a user
-- who may not delete (there is no entry 0-1).
redis.call('XLEN', KEYS[2])
redis.call('XLEN', KEYS[3])
redis.call('XDEL', KEYS[1], '0-1')

local entry = ''
local note = cjson.decode(ARGV[2])
if ARGV[4] then
  entry = redis.call('XADD', KEYS[2], '*', 'data', ARGV[4])
  note.data.entry = entry
end
local noted = redis.pcall('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'data', cjson.encode(note))
if noted.err then
  -- nobody has seen the entry yet: readers wait until the script is done
  if ARGV[4] then redis.call('XDEL', KEYS[2], entry) end
  return noted
end
redis.call('XDEL', KEYS[1], ARGV[1])
return entry
