-- The groups that need entries which another group has finished with: nothing they have not read may be trimmed.
-- KEYS: stream. ARGV: the group that has finished. Returns {length, age of the oldest entry in ms, name, what it needs from,
-- how many it has not acknowledged or -1, ...}. An empty stream, or one without that group, has no blocking groups.
local function is_less(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  local function below(x, y) return #x < #y or #x == #y and x < y end
  return below(a_ms, b_ms) or a_ms == b_ms and below(a_seq, b_seq)
end

local first = redis.call('TYPE', KEYS[1]).ok == 'stream' and redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not first then return {0, 0} end
local time = redis.call('TIME')
-- an id that the publisher chose may be later than the clock
local age = math.max(time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(string.match(first[1], '^(%d+)-')), 0)
local others, own = {}, nil
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local info = {}
  for i = 1, #reply, 2 do info[reply[i]] = reply[i + 1] end
  local pending = redis.call('XPENDING', KEYS[1], info['name'], '-', '+', 1)[1]
  local bound = pending and pending[1] or info['last-delivered-id']
  if info['name'] == ARGV[1] then
    own = bound
  else
    -- Redis 6.2 reports no lag, and later servers lose it after deletes
    others[#others + 1] = {info['name'], bound, info['lag'] and info['lag'] + info['pending'] or -1}
  end
end
local found = {redis.call('XLEN', KEYS[1]), age}
for _, other in ipairs(others) do
  if own and is_less(other[2], own) then
    for i = 1, 3 do found[#found + 1] = other[i] end
  end
end
return found
