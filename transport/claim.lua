-- Takes over pending entries without raising their delivery count.
-- KEYS: stream. ARGV: group, consumer, idle time in ms, count, owner ("" for any), 1 to return fields too.
-- Returns {claimed, gone}: claimed is a flat list of id, deliveries and fields (or 0), gone one of id and deliveries. An
-- entry without payload is not claimed: from Redis 7 on a claim would drop it from the pending ones, and its outcome
-- could no longer be fenced.
local key, group, consumer, with_fields = KEYS[1], ARGV[1], ARGV[2], ARGV[6] == '1'
local arguments = {'XPENDING', key, group, 'IDLE', ARGV[3], '-', '+', ARGV[4]}
if ARGV[5] ~= '' then arguments[9] = ARGV[5] end
local claimed, gone = {}, {}
for _, pending in ipairs(redis.call(unpack(arguments))) do
  local id, deliveries = pending[1], pending[4]
  local entry = redis.call('XRANGE', key, id, id)[1]
  if entry then
    redis.call('XCLAIM', key, group, consumer, 0, id, 'JUSTID')
    claimed[#claimed + 1] = id
    claimed[#claimed + 1] = deliveries
    claimed[#claimed + 1] = with_fields and entry[2] or 0
  else
    gone[#gone + 1] = id
    gone[#gone + 1] = deliveries
  end
end
return {claimed, gone}
