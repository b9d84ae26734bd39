-- Takes one claimed entry in hand, to try it alone: its delivery count goes up before the attempt, so that an attempt
-- which kills the process is counted.
-- KEYS: stream. ARGV: group, consumer, id.
-- Returns {} if the consumer no longer owns the entry, else {deliveries so far, fields}; no fields if the payload is gone.
local key, group, consumer, id = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local pending = redis.call('XPENDING', key, group, id, id, 1, consumer)[1]
if not pending then return {} end
local entry = redis.call('XRANGE', key, id, id)[1]
if not entry then return {pending[4]} end
redis.call('XCLAIM', key, group, consumer, 0, id, 'RETRYCOUNT', pending[4] + 1, 'JUSTID')
return {pending[4], entry[2]}
