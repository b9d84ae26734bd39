-- Answers one command, and with it may activate a model: all of it or nothing.
-- KEYS: commands, model-events, model, answers, notes, training. ARGV: one JSON object with
--   group, consumer, entry: the command's entry; the answer is written only if it was still pending
--   followed: without an entry, the champion followed so far; the answer is written only if that still holds
--   answer_as: the field of `answers`, mostly the command's id
--   events: the events' JSON in order; the last one is the final answer
--   activate: flat list of the fields of `model`; its activation is the entry id of the final answer
--   champion: the champion that has been followed with this
-- Returns the entry ids of the events; none if somebody else has answered.
local commands, model_events, model, answers, notes, training = unpack(KEYS)
local order = cjson.decode(ARGV[1])

-- Redis does not roll back: what can fail is looked at before the first write
for i, kind in ipairs({'stream', 'stream', 'hash', 'hash', 'hash', 'string'}) do
  local found = redis.call('TYPE', KEYS[i]).ok
  if found ~= 'none' and found ~= kind then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' holds a ' .. found .. ', not a ' .. kind)
  end
end

if order.entry then
  if redis.call('XACK', commands, order.group, order.entry) ~= 1 then return {} end
elseif (redis.call('HGET', notes, 'champion') or '') ~= order.followed then
  return {}
end

local ids = {}
-- a user who may not write gets the command back to pending; the desired model is written last, so it needs no undoing
local function undo(failure)
  for _, id in ipairs(ids) do redis.pcall('XDEL', model_events, id) end
  if order.entry then
    redis.pcall('HDEL', answers, order.answer_as)
    redis.pcall('XCLAIM', commands, order.group, order.consumer, 0, order.entry, 'FORCE', 'JUSTID')
  end
  return failure
end

for _, event in ipairs(order.events) do
  local id = redis.pcall('XADD', model_events, '*', 'data', event)
  if type(id) == 'table' then return undo(id) end
  ids[#ids + 1] = id
end

local writes = {}
if order.entry then
  writes[1] = {'HSET', answers, order.answer_as, cjson.encode({entry = order.entry, event = ids[#ids]})}
  writes[2] = {'HDEL', notes, 'target:' .. order.answer_as}
  if redis.call('GET', training) == order.entry then writes[3] = {'DEL', training} end
end
if order.champion then writes[#writes + 1] = {'HSET', notes, 'champion', order.champion} end
if order.activate then
  writes[#writes + 1] = {'HDEL', model, 'command_id'}
  writes[#writes + 1] = {'HSET', model, 'activation', ids[#ids], unpack(order.activate)}
end
for _, write in ipairs(writes) do
  local done = redis.pcall(unpack(write))
  if type(done) == 'table' and done.err then return undo(done) end
end
return ids
