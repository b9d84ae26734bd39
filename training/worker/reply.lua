-- Writes the reply to one command, and the model that it activates: all of it or nothing.
-- KEYS: commands, model-events, model, answers, notes, training, history, loop, rollout, rollout:failures. ARGV: one JSON object with
--   group, consumer, entry: the command's entry; the fence: nothing is written unless it is still pending
--   followed: without an entry, the champion followed last; nothing is written if another one has been followed since
--   key: the field of `answers`: the command's id, or the entry's
--   events: the events' JSON in order; the last one is final
--   change: JSON of the record for the history, if there is one
--   activate, version: flat list of the fields of `model`; its activation is the entry id of the final event
--   champion: the champion's version, which counts as followed from now on
--   former: of a rollback, how many of the versions that answered before are kept; otherwise the desired version joins
--     them if another one replaces it
--   loop: flat list of the fields of `loop`, which pause it; an empty list resumes it
--   rollout: the id of the rollout that the reply is about, empty for none; if another one is there by now, nothing is
--     written. With `rollout_fields`, their flat list, it is written; otherwise it ends
--   rollout_ended: JSON of the event for a rollout that ends because another version is activated
-- Returns the entry ids of the events; none if the fence kept the reply out, {"stale"} if there is another rollout.
local commands, model_events, model, answers, notes, training, history, loop, rollout, failures = unpack(KEYS)
local reply = cjson.decode(ARGV[1])
local MOST_FORMER = 100

-- Redis does not roll back, so the script checks what can fail before the first write
for i, kind in ipairs({'stream', 'stream', 'hash', 'hash', 'hash', 'string', 'stream', 'hash', 'hash', 'hash'}) do
  local found = redis.call('TYPE', KEYS[i]).ok
  if found ~= 'none' and found ~= kind then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' holds a ' .. found .. ', not a ' .. kind)
  end
end

local running = {}
local stored = redis.call('HGETALL', rollout)
for i = 1, #stored, 2 do running[stored[i]] = stored[i + 1] end
if reply.rollout and reply.rollout ~= (running.id or '') then return {'stale'} end

if reply.entry then
  if redis.call('XACK', commands, reply.group, reply.entry) ~= 1 then return {} end
elseif reply.followed and (redis.call('HGET', notes, 'champion') or '') ~= reply.followed then
  return {}
end

local before = redis.call('HGET', notes, 'before')

-- the versions that answered before, as JSON; nil instead of none, because cjson would make an object of an empty list
local function former()
  local list = before and cjson.decode(before) or {}
  local desired = redis.call('HGET', model, 'version')
  if reply.former then
    while #list > reply.former do table.remove(list) end
  elseif desired and desired ~= reply.version then
    list[#list + 1] = {version = desired, champion = redis.call('HGET', notes, 'champion') or ''}
    if #list > MOST_FORMER then table.remove(list, 1) end
  end
  if #list > 0 then return cjson.encode(list) end
end
local after = reply.activate and former()

local ids = {}
local change
local function set_before(value)
  if value then return {'HSET', notes, 'before', value} end
  return {'HDEL', notes, 'before'}
end

-- a write that ACL forbids fails late: the command becomes pending again; the model is written last and needs no undo
local function undo(failure)
  for _, id in ipairs(ids) do redis.pcall('XDEL', model_events, id) end
  if change then redis.pcall('XDEL', history, change) end
  redis.pcall(unpack(set_before(before)))
  if #stored > 0 then redis.pcall('HSET', rollout, unpack(stored)) else redis.pcall('DEL', rollout) end
  if reply.entry then
    redis.pcall('HDEL', answers, reply.key)
    redis.pcall('XCLAIM', commands, reply.group, reply.consumer, 0, reply.entry, 'FORCE', 'JUSTID')
  end
  return failure
end

-- A rollout compares its challenger with one version: it ends when another one, or the challenger, is activated.
local events = reply.events
local ends = reply.rollout and not reply.rollout_fields
if reply.activate and running.id and reply.version ~= running.champion then
  local ended = cjson.decode(reply.rollout_ended)
  ended.data.cause = reply.version == running.version and 'promoted' or 'replaced'
  ended.data.rollout, ended.data.version, ended.data.mode = running.id, running.version, running.mode
  ended.data.share, ended.data.salt = tonumber(running.share), running.salt
  table.insert(events, #events, cjson.encode(ended))
  ends = true
end

for _, event in ipairs(events) do
  local id = redis.pcall('XADD', model_events, '*', 'data', event)
  if type(id) == 'table' then return undo(id) end
  ids[#ids + 1] = id
end
if reply.change then
  local id = redis.pcall('XADD', history, '*', 'data', reply.change, 'event', ids[#ids])
  if type(id) == 'table' then return undo(id) end
  change = id
end

local writes = {}
if reply.entry then
  writes[1] = {'HSET', answers, reply.key, cjson.encode({entry = reply.entry, event = ids[#ids]})}
  writes[2] = {'HDEL', notes, 'target:' .. reply.key, 'cancel:' .. reply.entry}
  if redis.call('GET', training) == reply.entry then writes[3] = {'DEL', training} end
end
if ends then
  writes[#writes + 1] = {'DEL', rollout}
  writes[#writes + 1] = {'HDEL', failures, running.id}
elseif reply.rollout then
  if reply.rollout == '' then
    writes[#writes + 1] = {'HSET', rollout, 'id', ids[#ids], 'champion', redis.call('HGET', model, 'version')}
  end
  writes[#writes + 1] = {'HSET', rollout, 'revision', ids[#ids], unpack(reply.rollout_fields)}
end
if reply.activate then writes[#writes + 1] = set_before(after) end
if reply.champion then writes[#writes + 1] = {'HSET', notes, 'champion', reply.champion} end
if reply.activate then
  writes[#writes + 1] = {'HDEL', model, 'command_id'}
  writes[#writes + 1] = {'HSET', model, 'activation', ids[#ids], unpack(reply.activate)}
end
if reply.loop then
  writes[#writes + 1] = {'HDEL', loop, 'time', 'actor', 'command_id', 'reason'}
  if #reply.loop > 0 then writes[#writes + 1] = {'HSET', loop, unpack(reply.loop)} end
end
for _, write in ipairs(writes) do
  local done = redis.pcall(unpack(write))
  if type(done) == 'table' and done.err then return undo(done) end
end
return ids
