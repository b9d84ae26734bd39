-- Takes over pending entries without raising their delivery count.
-- KEYS: listings. ARGV: group, consumer, idle ms, count, owner ("" for anybody).
-- Returns {claimed, gone}, each a flat list of id, deliveries. An entry without payload is not claimed, since claiming
-- it would drop it from the pending ones and its outcome could no longer be fenced.
local key, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local arguments = {'XPENDING', key, group, 'IDLE', ARGV[3], '-', '+', ARGV[4]}
if ARGV[5] ~= '' then arguments[9] = ARGV[5] end
local claimed, gone = {}, {}
for _, pending in ipairs(redis.call(unpack(arguments))) do
  local id, deliveries = pending[1], pending[4]
  local list = claimed
  if #redis.call('XRANGE', key, id, id) == 0 then
    list = gone
  else
    redis.call('XCLAIM', key, group, consumer, 0, id, 'JUSTID')
  end
  list[#list + 1] = id
  list[#list + 1] = deliveries
end
return {claimed, gone}
