-- Writes the reply to one command, and the model that it activates: all of it or nothing.
-- KEYS: commands, model-events, model, answers, notes, training. ARGV: one JSON object with
--   group, consumer, entry: the command's entry; the fence: nothing is written unless it is still pending
--   followed: without an entry, the champion followed last; nothing is written if another one has been followed since
--   key: the field of `answers`: the command's id, or the entry's
--   events: the events' JSON in order; the last one is final
--   activate: flat list of the fields of `model`; its activation is the entry id of the final event
--   champion: the champion's version, which counts as followed from now on
-- Returns the entry ids of the events; none if the fence kept the reply out.
local commands, model_events, model, answers, notes, training = unpack(KEYS)
local reply = cjson.decode(ARGV[1])

-- Redis does not roll back, so the script checks what can fail before the first write
for i, kind in ipairs({'stream', 'stream', 'hash', 'hash', 'hash', 'string'}) do
  local found = redis.call('TYPE', KEYS[i]).ok
  if found ~= 'none' and found ~= kind then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' holds a ' .. found .. ', not a ' .. kind)
  end
end

if reply.entry then
  if redis.call('XACK', commands, reply.group, reply.entry) ~= 1 then return {} end
elseif (redis.call('HGET', notes, 'champion') or '') ~= reply.followed then
  return {}
end

local ids = {}
-- a write that ACL forbids fails late: the command becomes pending again; the model is written last and needs no undo
local function undo(failure)
  for _, id in ipairs(ids) do redis.pcall('XDEL', model_events, id) end
  if reply.entry then
    redis.pcall('HDEL', answers, reply.key)
    redis.pcall('XCLAIM', commands, reply.group, reply.consumer, 0, reply.entry, 'FORCE', 'JUSTID')
  end
  return failure
end

for _, event in ipairs(reply.events) do
  local id = redis.pcall('XADD', model_events, '*', 'data', event)
  if type(id) == 'table' then return undo(id) end
  ids[#ids + 1] = id
end

local writes = {}
if reply.entry then
  writes[1] = {'HSET', answers, reply.key, cjson.encode({entry = reply.entry, event = ids[#ids]})}
  writes[2] = {'HDEL', notes, 'target:' .. reply.key}
  if redis.call('GET', training) == reply.entry then writes[3] = {'DEL', training} end
end
if reply.champion then writes[#writes + 1] = {'HSET', notes, 'champion', reply.champion} end
if reply.activate then
  writes[#writes + 1] = {'HDEL', model, 'command_id'}
  writes[#writes + 1] = {'HSET', model, 'activation', ids[#ids], unpack(reply.activate)}
end
for _, write in ipairs(writes) do
  local done = redis.pcall(unpack(write))
  if type(done) == 'table' and done.err then return undo(done) end
end
return ids
