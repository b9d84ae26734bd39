-- How far a shard has been read, for a consumer that stands by.
-- KEYS: listings. ARGV: group, the shard's own consumer.
-- Returns {last id delivered, last id of the stream, ms since the own consumer's last read or -1 where it has none}; two
-- empty ids where there is no group.
local key, group, own = KEYS[1], ARGV[1], ARGV[2]
if redis.call('EXISTS', key) == 0 then return {'', '', -1} end
local delivered
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', key)) do
  local info = {}
  for i = 1, #reply, 2 do info[reply[i]] = reply[i + 1] end
  if info['name'] == group then delivered = info['last-delivered-id'] end
end
if not delivered then return {'', '', -1} end
local idle_ms, last = -1, ''
for _, reply in ipairs(redis.call('XINFO', 'CONSUMERS', key, group)) do
  local info = {}
  for i = 1, #reply, 2 do info[reply[i]] = reply[i + 1] end
  if info['name'] == own then idle_ms = info['idle'] end
end
local stream = redis.call('XINFO', 'STREAM', key)
for i = 1, #stream, 2 do
  if stream[i] == 'last-generated-id' then last = stream[i + 1] end
end
return {delivered, last, idle_ms}
