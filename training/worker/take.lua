-- Takes over one pending command that nobody has in hand any more. Its delivery count goes up before the attempt, so
-- that an attempt which kills the process is counted.
-- KEYS: commands. ARGV: group, consumer, idle ms, last entry of the consumer's own left-overs or "", entries in hand...
-- Returns {} if there is none, else {id, deliveries before, fields}; no fields if the payload was deleted.
local key, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local in_hand = {}
for i = 5, #ARGV do in_hand[ARGV[i]] = true end

local function take(candidates)
  for _, pending in ipairs(candidates) do
    local id, deliveries = pending[1], pending[4]
    if not in_hand[id] then
      local entry = redis.call('XRANGE', key, id, id)[1]
      -- from 7.0 on, claiming an entry that was deleted drops it from the pending ones, and its answer could not be fenced
      if not entry then return {id, deliveries} end
      redis.call('XCLAIM', key, group, consumer, 0, id, 'RETRYCOUNT', deliveries + 1, 'JUSTID')
      return {id, deliveries, entry[2]}
    end
  end
end

local found
if ARGV[4] ~= '' then found = take(redis.call('XPENDING', key, group, '-', ARGV[4], 1000, consumer)) end
return found or take(redis.call('XPENDING', key, group, 'IDLE', ARGV[3], '-', '+', 1000)) or {}
