-- How many answers were given lately, counted without sending them.
-- KEYS: the streams of answers, then progress. ARGV: how far back in ms, how many entries of a stream to look at.
-- Returns {answers since, since in ms, now in ms, answers ever}. `since` is later than asked where a stream holds more
-- than the limit since then: a stream cannot be counted without reading it.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, streams = tonumber(ARGV[2]), #KEYS - 1
local since = math.max(now - ARGV[1], 0)
local found = {}
for i = 1, streams do
  found[i] = {}
  for j, entry in ipairs(redis.call('XREVRANGE', KEYS[i], '+', since, 'COUNT', limit)) do
    found[i][j] = tonumber(string.match(entry[1], '^%d+'))
  end
  if #found[i] == limit then since = math.max(since, found[i][limit]) end
end
local count = 0
for i = 1, streams do
  for _, ms in ipairs(found[i]) do
    if ms >= since then count = count + 1 end
  end
end
return {count, since, now, tonumber(redis.call('HGET', KEYS[streams + 1], 'answered')) or 0}
