-- Commits a batch: each entry that this call acknowledges gets its one outcome, in the same step.
-- KEYS: listings, predictions, dead-letters, repeats, rate-limited, window, progress, dedup current, previous, rotated,
--   then a bucket for each source that the batch holds, where sources are limited, then streams of replies, then `explain`
--   and `shadows` where options say so.
-- ARGV: options as one JSON object (`consumer.commit_options.CommitOptions`: n entries, of which p predictions stand first),
--   window rows, values (p doubles), flags (p bytes: 1 imputed, 2 unusual,
--   4 to be explained, 8 answered by the challenger, 16 with a pair), for each entry as two bytes the number of its source's bucket (0 for
--   none), in the same form the number of its stream of replies (`consumer.replies.ReplyRoutes`; empty where nobody
--   asks), then as texts with a line for each entry: entry ids, identities (JSON, [source, id] of the listing), events;
--   then a line for each prediction that is to be explained; then the packed pairs of the rollout (`schemas.pairs`), in the
--   order of their predictions; then the reason of each of the n - p refused. An argument for each entry would cost both
--   sides half as much again as all that is done with it.
-- Returns {scored, refused, repeated, restored, first error or "", time in ms, {fenced id...}, {limited id...},
-- replies written, replies whose stream was gone, replies without a stream here, requests for explanations written, beyond
-- the most that may wait, failed, without a key here, pairs written, failed, without a key here}. A limited entry stays pending: only the
-- sender of this batch can make a dead letter of it.
-- Sent again after a lost reply it acknowledges nothing and so changes nothing: an event is spent from its source's
-- bucket when it is acknowledged.
local BUCKETS, REASONS, PAIR_BYTES = 10, 11, 37
local listings, predictions, letters, repeats, limited_letters, window, progress = unpack(KEYS, 1, 7)
local current, previous, rotated = unpack(KEYS, 8, BUCKETS)
local options = cjson.decode(ARGV[1])
local packed_rows, packed_values, flags, bucket_numbers, reply_numbers = unpack(ARGV, 2, 6)
local group, consumer = options.group, options.consumer
local n, p = options.entries, options.predictions
local dedup_seconds, dedup_max = options.dedup_seconds, options.dedup_max_ids
local call, pcall = redis.call, redis.pcall

-- Redis does not roll back. What can fail is tried here: a key of the wrong type raises before any write.
call('XLEN', predictions)
call('XLEN', letters)
call('XLEN', repeats)
call('XLEN', limited_letters)
call('XLEN', window)
call('HLEN', progress)
local since = tonumber(call('GET', rotated) or nil)
local time = call('TIME')
local now = tonumber(time[1])
local now_ms = now * 1000 + math.floor(time[2] / 1000)

-- A bucket fills at the rate of its source up to the burst; where there is none it is full.
local rate, burst, buckets = tonumber(options.rate), options.burst, {}
for i = 1, options.buckets do
  local level, since_ms = string.match(call('GET', KEYS[BUCKETS + i]) or '', '^(%S+) (%d+)$')
  local passed_ms = level and math.max(now_ms - since_ms, 0) or 0
  buckets[i] = {
    level = level and math.min(level + passed_ms * rate / 1000, burst) or burst,
    is_new = level and tonumber(since_ms) > now_ms, -- the clock was set back: it fills from now on
  }
end

local failure = ''
local function try(...)
  local reply = pcall(...)
  if type(reply) == 'table' and reply.err then
    if failure == '' then failure = reply.err end
    return false
  end
  return reply
end

local find, sub = string.find, string.sub
local function lines_of(text)
  local lines, from = {}, 1
  for line = 1, n do
    local to = find(text, '\n', from, true)
    lines[line] = sub(text, from, to - 1)
    from = to + 1
  end
  if from ~= #text + 1 then error('more lines than entries') end
  return lines
end
local ids, identities, events = lines_of(ARGV[7]), lines_of(ARGV[8]), lines_of(ARGV[9])

if #reply_numbers > 0 and #reply_numbers ~= 2 * n then error('not a reply number for each entry') end

-- An identity is looked up among those predicted since the last rotation and in the rotation before, which give the
-- entry id of its prediction. A RENAME over a large hash would free it in this call; UNLINK frees it in the background.
-- Lua's stack holds about 8,000 values, and a batch has up to 5,000 entries: `unpack` never gets more than CHUNK.
local CHUNK = 4000
local function look_up(key)
  local found = {}
  for from = 1, p, CHUNK do
    local part = call('HMGET', key, unpack(identities, from, math.min(from + CHUNK - 1, p)))
    if p <= CHUNK then return part end
    for i = 1, #part do found[from + i - 1] = part[i] end
  end
  return found
end
local function rotate(is_stale)
  try('UNLINK', previous)
  if is_stale then
    try('UNLINK', current)
  elseif call('EXISTS', current) == 1 then
    try('RENAME', current, previous)
  end
  try('SET', rotated, now)
end

local known, older = {}, {}
if dedup_seconds > 0 and p > 0 then
  known = look_up(current)
  if call('EXISTS', previous) == 1 then older = look_up(previous) end
  if since and now - since >= dedup_seconds then
    -- too old to count as a repeat: the previous hash, and after twice the time both
    local is_stale = now - since >= 2 * dedup_seconds
    older, known = is_stale and {} or known, {}
    rotate(is_stale)
    since = now
  end
end

-- An identity whose prediction was made in another shard carries that one: 'id@shard'.
local function repeat_event(id, identity, first)
  local source, listing = unpack(cjson.decode(identity))
  if first ~= '' and not find(first, '@', 1, true) then first = first .. '@' .. (options.shard or 0) end
  first = string.gsub(first, '@0$', '')
  local first_member = first ~= '' and ',"first":"' .. first .. '"' or '' -- empty where a set was converted
  return '{"specversion":"1.0","id":"' .. id .. '","source":' .. cjson.encode(options.source) .. ',"type":"listing.repeated","time":"'
    .. options.time .. '","data":{"listing_id":' .. cjson.encode(listing) .. ',"listing_source":' .. cjson.encode(source) .. first_member .. '}}'
end

-- The asker creates its stream and keeps it from expiring. NOMKSTREAM: an asker that is gone gets no new one.
local has_replies, replied, unread, not_served = reply_numbers ~= '', 0, 0, 0
local function reply(entry, stream, event)
  local number = struct.unpack('<H', reply_numbers, 2 * entry - 1)
  local key = KEYS[BUCKETS + options.buckets + number]
  if number == 0 then
    return
  elseif not key then
    not_served = not_served + 1
  elseif type(pcall('XADD', key, 'NOMKSTREAM', '*', 'data', event, 'stream', stream)) == 'string' then
    replied = replied + 1
  else
    unread = unread + 1
  end
end

-- What explainers get of a prediction beside its event, and how many more requests may wait.
local requests, has_requests, wanted = {}, ARGV[10] ~= '', 0
for line in string.gmatch(ARGV[10], '([^\n]+)\n') do requests[#requests + 1] = line end
local shadows = options.keeps_pairs and KEYS[#KEYS]
local explain = options.explains and KEYS[shadows and #KEYS - 1 or #KEYS]
local waiting = explain and pcall('XLEN', explain)
local room = type(waiting) == 'number' and options.max_requests - waiting or 1
local requested, no_room, failed, forbidden = 0, 0, 0, 0
local function request(event, line)
  if not explain then
    forbidden = forbidden + 1
  elseif requested >= room then
    no_room = no_room + 1
  elseif type(pcall('XADD', explain, '*', 'data', event, 'request', line)) == 'string' then
    requested = requested + 1
  else
    failed = failed + 1
  end
end

local scored, refused, repeated, restored = 0, 0, 0, 0
local reasons, fenced, limited, here, fresh, rows = {}, {}, {}, {}, {}, {}
local last
for entry = 1, n do
  local id, identity = ids[entry], identities[entry]
  local reason = entry > p and ARGV[REASONS + entry - p]
  local bucket = buckets[1] and buckets[struct.unpack('<H', bucket_numbers, 2 * entry - 1)]
  local first = not reason and dedup_seconds > 0 and (known[entry] or older[entry] or here[identity])
  local is_wanted = has_requests and not reason and string.byte(flags, entry) % 8 >= 4
  if is_wanted then wanted = wanted + 1 end
  local event = first and repeat_event(id, identity, first) or events[entry]
  if bucket and bucket.level < 1 then
    limited[#limited + 1] = id
  elseif call('XACK', listings, group, id) == 0 then
    fenced[#fenced + 1] = id
  else
    local stream = first and repeats or not reason and predictions
      or reason == 'rate_limited' and limited_letters or letters
    local written = pcall('XADD', stream, '*', 'data', event)
    if type(written) == 'table' then
      if failure == '' then failure = written.err end
      restored = restored + 1
      pcall('XCLAIM', listings, group, consumer, 0, id, 'FORCE', 'JUSTID')
      bucket = nil
    elseif first then
      repeated = repeated + 1
    elseif reason then
      refused = refused + 1
      reasons[reason] = (reasons[reason] or 0) + 1
    else
      scored = scored + 1
      here[identity] = written
      fresh[2 * scored - 1], fresh[2 * scored] = identity, written
      rows[scored] = entry
      last = written
      if is_wanted then request(event, requests[wanted]) end
    end
    if has_replies and type(written) == 'string' then reply(entry, stream, event) end
    if bucket then
      bucket.level = bucket.level - 1
      bucket.is_new = true
    end
  end
end

local answered = scored + refused + repeated
if answered > 0 then
  try('HINCRBY', progress, 'answered', answered)
  if refused > 0 then try('HINCRBY', progress, 'refused', refused) end
  if repeated > 0 then try('HINCRBY', progress, 'repeats', repeated) end
  for reason, count in pairs(reasons) do try('HINCRBY', progress, 'refused:' .. reason, count) end
end

-- What the window gets of some predictions: packed rows, their sum and the sum of their squares.
local width, stride = options.row_bytes, options.stride
local function rows_of(members)
  local kept, sum, squares = {}, 0, 0
  for _, entry in ipairs(members) do
    local value = struct.unpack('<d', packed_values, entry * 8 - 7)
    sum, squares = sum + value, squares + value * value
    local row, rest = math.floor((entry - 1) / stride), (entry - 1) % stride
    if rest == 0 then kept[#kept + 1] = sub(packed_rows, row * width + 1, row * width + width) end
  end
  return table.concat(kept), string.format('%.17g', sum), string.format('%.17g', squares)
end
local function add_to_window(packed, count, sum, activation, ...)
  try('XADD', window, '*', 'rows', packed, 'count', count, 'sum', sum, 'activation', activation, 'layout', options.layout,
    'consumer', consumer, 'last', last, ...)
  try('HINCRBY', progress, 'window_rows', #packed / width)
end

-- An entry of the window has one activation: what each model answered stands in an entry of its own.
local function add_arms_to_window()
  local rollout = options.rollout
  local function arm_of(entry) return string.byte(flags, entry) % 16 >= 8 and 2 or 1 end
  local counts, sums, packs = {p - rollout.answers, rollout.answers}, {rollout.champion_sum, rollout.challenger_sum}, {{}, {}}
  if scored == p then
    for row = 0, #packed_rows / width - 1 do
      local pack = packs[arm_of(row * stride + 1)]
      pack[#pack + 1] = sub(packed_rows, row * width + 1, row * width + width)
    end
    packs = {table.concat(packs[1]), table.concat(packs[2])}
  else
    local members = {{}, {}}
    for j = 1, scored do
      local own = members[arm_of(rows[j])]
      own[#own + 1] = rows[j]
    end
    for arm = 1, 2 do
      counts[arm] = #members[arm]
      packs[arm], sums[arm] = rows_of(members[arm])
    end
  end
  for arm, name in ipairs({'champion', 'challenger'}) do
    if counts[arm] > 0 then
      local activation = arm == 1 and options.activation or rollout.id
      add_to_window(packs[arm], counts[arm], sums[arm], activation, 'arm', name, 'batch', scored)
    end
  end
end

-- Pairs of the predictions that this call wrote; whatever happens to them, the outcomes are written.
local packed_pairs, paired, unpaired, pairs_forbidden = ARGV[11], 0, 0, 0
local function add_pairs()
  local kept, count = packed_pairs, #packed_pairs / PAIR_BYTES
  if scored < p then
    local is_written, chosen, place = {}, {}, 0
    for j = 1, scored do is_written[rows[j]] = true end
    for entry = 1, p do
      if string.byte(flags, entry) >= 16 then
        if is_written[entry] then chosen[#chosen + 1] = sub(packed_pairs, place + 1, place + PAIR_BYTES) end
        place = place + PAIR_BYTES
      end
    end
    kept, count = table.concat(chosen), #chosen
  end
  if count == 0 then return end
  local rollout = options.rollout
  if not shadows then
    pairs_forbidden = count
  elseif type(pcall('XADD', shadows, '*', 'pairs', kept, 'count', count, 'rollout', rollout.id, 'activation', options.activation,
    'layout', options.layout, 'consumer', consumer, 'champion_us', rollout.champion_us, 'challenger_us', rollout.challenger_us)) == 'string' then
    paired = count
    try('HINCRBY', progress, 'pairs', count)
  else
    unpaired = count
  end
end

if scored > 0 then
  local sum, squares, imputed, unusual = options.sum, options.sum_squares, 0, 0
  local packed = packed_rows
  if scored < p then packed, sum, squares = rows_of(rows) end
  -- a flag other than those about arms
  local has_flags = string.find(flags, '[^%z\8\16\24]')
  for j = 1, has_flags and scored or 0 do
    local flag = string.byte(flags, rows[j])
    if flag % 2 == 1 then imputed = imputed + 1 end
    if flag % 4 >= 2 then unusual = unusual + 1 end
  end
  try('HINCRBY', progress, 'scored', scored)
  if imputed > 0 then try('HINCRBY', progress, 'imputed', imputed) end
  if unusual > 0 then try('HINCRBY', progress, 'unusual', unusual) end
  try('HINCRBYFLOAT', progress, 'prediction_sum', sum)
  try('HINCRBYFLOAT', progress, 'prediction_sum_squares', squares)
  if options.rollout and options.rollout.answers > 0 then
    add_arms_to_window()
  elseif #packed > 0 then
    add_to_window(packed, scored, sum, options.activation)
  end
  if #packed_pairs > 0 then add_pairs() end
  if dedup_seconds > 0 then
    for from = 1, 2 * scored, CHUNK do
      try('HSET', current, unpack(fresh, from, math.min(from + CHUNK - 1, 2 * scored)))
    end
    if not since then
      try('SET', rotated, now)
    elseif call('HLEN', current) * 2 >= dedup_max then
      rotate(false)
    end
  end
end
for i, bucket in ipairs(buckets) do
  if bucket.is_new then
    local full_in_ms = string.format('%.0f', (burst - bucket.level) * 1000 / rate + 1)
    try('SET', KEYS[BUCKETS + i], string.format('%.6f %.0f', bucket.level, now_ms), 'PX', full_in_ms)
  end
end
return {scored, refused, repeated, restored, failure, now_ms, fenced, limited, replied, unread, not_served,
  requested, no_room, failed, forbidden, paired, unpaired, pairs_forbidden}
