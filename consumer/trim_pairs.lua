-- Trims the oldest pairs of rollouts. KEYS: shadows, progress. ARGV: most pairs.
-- Returns how many entries were trimmed; at most a hundred at once, and whole entries, so that some more may stay.
local shadows, progress, most = KEYS[1], KEYS[2], tonumber(ARGV[1])
local pairs_kept = tonumber(redis.call('HGET', progress, 'pairs') or 0)
if pairs_kept <= most then return 0 end
local old, removed = {}, 0
for _, entry in ipairs(redis.call('XRANGE', shadows, '-', '+', 'COUNT', 100)) do
  if pairs_kept - removed <= most then break end
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'count' then removed = removed + entry[2][i + 1] end
  end
  old[#old + 1] = entry[1]
end
-- entries that another client deleted still count
if #old == 0 then removed = pairs_kept else redis.call('XDEL', shadows, unpack(old)) end
redis.call('HINCRBY', progress, 'pairs', -removed)
redis.call('HINCRBY', progress, 'pairs_trimmed', removed)
return #old
