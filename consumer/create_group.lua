-- Creates the group as `consumer.group_rebuilder` planned it, and makes the unanswered entries pending.
-- KEYS: listings, then the streams of answers. ARGV: group, start, owner of the pending entries, the last id of each stream
-- of answers at the time of planning, then the unanswered entries.
-- Returns 1 if it created the group, 0 if there is one, -1 if an answer has been written since the plan was made.
local key, group, owner = KEYS[1], ARGV[1], ARGV[3]
local answers = #KEYS - 1
if redis.call('EXISTS', key) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    if info[2] == group then return 0 end
  end
end
for i = 1, answers do
  local last = redis.call('XREVRANGE', KEYS[i + 1], '+', '-', 'COUNT', 1)[1]
  if (last and last[1] or '') ~= ARGV[3 + i] then return -1 end
end
redis.call('XGROUP', 'CREATE', key, group, ARGV[2], 'MKSTREAM')
for i = 4 + answers, #ARGV do
  redis.call('XCLAIM', key, group, owner, 0, ARGV[i], 'IDLE', 86400000, 'FORCE', 'JUSTID')
end
return 1
