-- Counts recent answers on the server.
-- KEYS: the streams of answers, then progress. ARGV: how far back in ms, how many entries of a stream to read at most.
-- Returns {answers since, since in ms, now in ms, total answers}. `since` is later than requested where a stream holds
-- more entries than the limit: entries cannot be counted without reading them.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, streams = tonumber(ARGV[2]), #KEYS - 1
local since = math.max(now - ARGV[1], 0)
local times = {}
for i = 1, streams do
  times[i] = {}
  for j, entry in ipairs(redis.call('XREVRANGE', KEYS[i], '+', since, 'COUNT', limit)) do
    times[i][j] = tonumber(string.match(entry[1], '^%d+'))
  end
  if #times[i] == limit then since = math.max(since, times[i][limit]) end
end
local count = 0
for i = 1, streams do
  for _, ms in ipairs(times[i]) do
    if ms >= since then count = count + 1 end
  end
end
return {count, since, now, tonumber(redis.call('HGET', KEYS[streams + 1], 'answered')) or 0}
