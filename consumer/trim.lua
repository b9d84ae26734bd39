-- Trims answered listings and old answers, and keeps the low-water mark from which a lost group can be rebuilt.
-- KEYS: listings, predictions, dead-letters, repeats, rate-limited, window, progress, marks.
-- ARGV: group, then how many to keep of listings, answers, rate-limited and window rows, then the age in ms of answers and
-- rows, then the group of the audit log and how many entries it may lag behind before trimming no longer waits for it.
-- Returns how many listings were trimmed, -1 if there is no group: then nothing may be trimmed.
--
-- A mark records how far every stream was at one moment: of listings the last delivered id and the number delivered, of
-- the others the last id and their running total. Counting entries up to an id would mean reading them, so the entries to
-- trim are found through the marks; and since marks compare moments rather than clocks, a clock that jumps is harmless.
-- Answers to listings after a mark were written after it: they stay until the low-water mark has passed them.
local listings, progress, marks_key = KEYS[1], KEYS[7], KEYS[8]
local STREAMS, WINDOW = 6, 6
local group = ARGV[1]
local kept_answers, answers_age = tonumber(ARGV[3]), tonumber(ARGV[6])
local keep = {tonumber(ARGV[2]), kept_answers, kept_answers, kept_answers, tonumber(ARGV[4]), tonumber(ARGV[5])}
local age = {answers_age, answers_age, answers_age, answers_age, answers_age, tonumber(ARGV[7])}
local archivers, max_lag = ARGV[8], tonumber(ARGV[9])

local function is_less(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  local function below(x, y) return #x < #y or #x == #y and x < y end
  return below(a_ms, b_ms) or a_ms == b_ms and below(a_seq, b_seq)
end

local function last_id(key)
  if redis.call('EXISTS', key) == 0 then return '0-0' end
  local info = redis.call('XINFO', 'STREAM', key)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
end

if redis.call('EXISTS', listings) == 0 then return -1 end
local low, own_low, own_pending, delivered_id, in_hand, archived
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', listings)) do
  local info = {}
  for i = 1, #reply, 2 do info[reply[i]] = reply[i + 1] end
  local first = redis.call('XPENDING', listings, info['name'], '-', '+', 1)[1]
  local bound = first and first[1] or info['last-delivered-id']
  if info['name'] == archivers then
    archived = bound
  elseif not low or is_less(bound, low) then
    low = bound
  end
  if info['name'] == group then
    own_low, own_pending = bound, first and 1 or 0
    delivered_id, in_hand = info['last-delivered-id'], info['pending']
  end
end
if not own_low then return -1 end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local counted = redis.call('HMGET', progress, 'answered', 'scored', 'refused', 'repeats', 'refused:rate_limited', 'window_rows')
local totals = {}
for i = 1, STREAMS do totals[i] = tonumber(counted[i]) or 0 end
totals[1] = totals[1] + in_hand
totals[3] = totals[3] - totals[5]
local marks = {}
for i, text in ipairs(redis.call('LRANGE', marks_key, 0, -1)) do marks[i] = cjson.decode(text) end
local last = marks[#marks]
if last and (#last.totals < STREAMS or totals[1] < last.totals[1] or totals[2] < last.totals[2]) then
  redis.call('DEL', marks_key)
  marks, last = {}, nil
end

-- marks of a clock that was set back would not grow old before it has caught up
local was_ahead = false
for _, mark in ipairs(marks) do
  if mark.ms > now then mark.ms, was_ahead = now, true end
end
if was_ahead then
  redis.call('DEL', marks_key)
  for _, mark in ipairs(marks) do redis.call('RPUSH', marks_key, cjson.encode(mark)) end
end

-- a mark for every hundredth of what is kept bounds both the number of marks and the excess that is kept
local is_due = not last or now - last.ms >= age[1] / 100 or now - last.ms >= age[WINDOW] / 100
for i = 1, STREAMS do is_due = is_due or totals[i] - last.totals[i] >= keep[i] / 100 and totals[i] > last.totals[i] end
if is_due then
  local ids = {delivered_id}
  for i = 2, STREAMS do ids[i] = last_id(KEYS[i]) end
  marks[#marks + 1] = {ms = now, totals = totals, ids = ids}
  redis.call('RPUSH', marks_key, cjson.encode(marks[#marks]))
end

-- The marks show how far the audit log lags behind.
local function is_near(i, id)
  local before = marks[1].totals[i]
  for _, mark in ipairs(marks) do
    if not is_less(id, mark.ids[i]) then before = mark.totals[i] end
  end
  return totals[i] - before <= max_lag
end
if archived and is_less(archived, low) and is_near(1, archived) then low = archived end
local logged
if redis.call('EXISTS', KEYS[2]) == 1 then
  for _, reply in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
    local info = {}
    for i = 1, #reply, 2 do info[reply[i]] = reply[i + 1] end
    if info['name'] == archivers and is_near(2, info['last-delivered-id']) then logged = info['last-delivered-id'] end
  end
end

local floor
for i, mark in ipairs(marks) do
  if not is_less(own_low, mark.ids[1]) then floor = i end
end
redis.call('HSET', progress, 'low_water', own_low, 'low_water_pending', own_pending)
local names = {nil, 'floor_predictions', 'floor_dead_letters', 'floor_repeats', 'floor_rate_limited'}
for i = 2, WINDOW - 1 do redis.call('HSET', progress, names[i], floor and marks[floor].ids[i] or '0-0') end

local trimmed = 0
for i = 1, STREAMS do
  local cut
  for j, mark in ipairs(marks) do
    local is_answer = i >= 2 and i < WINDOW
    local may_go = i == WINDOW or i == 1 and not is_less(low, mark.ids[1]) or is_answer and floor and j <= floor
    if i == 2 and logged and is_less(logged, mark.ids[2]) then may_go = false end
    if may_go and (totals[i] - mark.totals[i] >= keep[i] or now - mark.ms >= age[i]) then cut = j end
  end
  if cut then
    local count = redis.call('XTRIM', KEYS[i], 'MINID', marks[cut].ids[i])
    if i == 1 then trimmed = count end
  end
end
if trimmed > 0 then redis.call('HINCRBY', progress, 'trimmed', trimmed) end

-- a mark between two others is redundant if these are close, or if both are beyond what is kept
if #marks > 500 then
  local kept = {marks[1]}
  for k = 2, #marks do
    local before, after = kept[#kept], marks[k + 1]
    local is_needed = not after
    for i = 1, STREAMS do
      if after and totals[i] - after.totals[i] < keep[i] and (after.totals[i] - before.totals[i]) * 50 > keep[i]
        or after and now - after.ms < age[i] and (after.ms - before.ms) * 50 > age[i] then
        is_needed = true
      end
    end
    if is_needed then kept[#kept + 1] = marks[k] end
  end
  redis.call('DEL', marks_key)
  for _, mark in ipairs(kept) do redis.call('RPUSH', marks_key, cjson.encode(mark)) end
end
return trimmed
