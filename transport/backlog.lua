-- Entries of a stream that its group has not answered, counted without reading them.
-- KEYS: listings, progress. ARGV: group. Returns {undelivered, pending, exact}.
-- Redis 6.2 reports no lag, and later servers lose it after deletes. Then every entry ever published is either still in
-- the stream or was trimmed by us, and every answered one was counted, which gives the same number as long as no other
-- client deletes entries.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return {0, 0, 1} end
local length = redis.call('XLEN', KEYS[1])
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local info = {}
  for i = 1, #group, 2 do info[group[i]] = group[i + 1] end
  if info['name'] == ARGV[1] then
    if info['lag'] then return {info['lag'], info['pending'], 1} end
    local counted = redis.call('HMGET', KEYS[2], 'trimmed', 'answered')
    local unanswered = length + (tonumber(counted[1]) or 0) - (tonumber(counted[2]) or 0)
    return {math.max(unanswered - info['pending'], 0), info['pending'], 0}
  end
end
return {length, 0, 1}
