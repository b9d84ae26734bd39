-- Tries the right to write replies: declares the keys of a commit with a reply, and writes to a stream that does not
-- exist, so that nothing changes.
-- KEYS: stream of replies, then all other keys of a commit
return redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'data', '{}')
