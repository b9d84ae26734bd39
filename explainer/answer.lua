-- Answers requests: each that this call acknowledges gets its one answer, in the same step, and is deleted.
-- KEYS: explain, explanations. ARGV: group, consumer, how many explanations are kept, then for each request its entry id
-- and the answer ("" for a request whose payload is gone, which cannot be answered).
-- An answered request is deleted, so that a group which is created again at the beginning of the stream finds only those
-- without an answer, and the length of the stream is the number of these.
-- Returns {answered, restored, first error or "", {fenced id...}}.
local explain, explanations = KEYS[1], KEYS[2]
local group, consumer, kept = ARGV[1], ARGV[2], ARGV[3]
redis.call('XLEN', explanations) -- a key of the wrong type raises before any write
local answered, restored, failure, fenced = 0, 0, '', {}
for i = 4, #ARGV, 2 do
  local id, answer = ARGV[i], ARGV[i + 1]
  if redis.call('XACK', explain, group, id) == 0 then
    fenced[#fenced + 1] = id
  else
    local written = answer ~= '' and redis.pcall('XADD', explanations, 'MAXLEN', '~', kept, '*', 'data', answer)
    if type(written) == 'table' then
      if failure == '' then failure = written.err end
      restored = restored + 1
      redis.pcall('XCLAIM', explain, group, consumer, 0, id, 'FORCE', 'JUSTID')
    else
      if written then answered = answered + 1 end
      redis.pcall('XDEL', explain, id)
    end
  end
end
return {answered, restored, failure, fenced}
