-- Tries the right to request explanations, or to write pairs: declares the keys of a commit with one, and adds an entry
-- with an id that is never valid, so that nothing changes.
-- KEYS: explain or shadows, then all other keys of a commit
local reply = redis.pcall('XADD', KEYS[1], 'NOMKSTREAM', '0-0', 'data', '{}')
if string.find(reply.err, 'greater than 0-0', 1, true) then return 1 end
return reply
