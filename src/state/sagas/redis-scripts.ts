/**
 * What the keys of sagas hold, all made of the first one, which is the hash of instances:
 *   KEY              hash: SAGA/KEY → a line with id, status, start, version and revision; then the instance
 *   KEY:epoch        of the leader
 *   KEY:sequence     the last id
 *   KEY:due          sorted set: SAGA/KEY by due time
 *   KEY:ended        sorted set: SAGA/KEY by the time of the end
 *   KEY:flight       set: instances with commands on their way
 *   KEY:groups       set: STATUS/SAGA of which there are instances
 *   KEY:in:GROUP     sorted set of one score: START ID SAGA/KEY, both numbers with leading zeros
 *   KEY:versions     hash: SAGA/VERSION → how many instances began with it
 *   KEY:definitions  hash: SAGA/VERSION → the definition
 */
const PARTS = `
local base = KEYS[1]
local function headOf(text)
  return string.match(text, '^(%d+) (%l+) (%d+) (%S*) (%d+)\\n')
end
local function memberOf(id, start, ref)
  return string.format('%016d', tonumber(start)) .. string.format('%016d', tonumber(id)) .. ref
end
local function leave(id, status, start, saga, ref)
  local group = status .. '/' .. saga
  redis.call('ZREM', base .. ':in:' .. group, memberOf(id, start, ref))
  if redis.call('EXISTS', base .. ':in:' .. group) == 0 then redis.call('SREM', base .. ':groups', group) end
end
local function join(id, status, start, saga, ref)
  local group = status .. '/' .. saga
  redis.call('SADD', base .. ':groups', group)
  redis.call('ZADD', base .. ':in:' .. group, 0, memberOf(id, start, ref))
end
local function timed(set, ref, at)
  if at == '' then redis.call('ZREM', set, ref) else redis.call('ZADD', set, at, ref) end
end
local function found(refs)
  local answer = {}
  for i, ref in ipairs(refs) do
    answer[2 * i - 1] = redis.call('HGET', base, ref) or ''
    answer[2 * i] = redis.call('ZSCORE', base .. ':due', ref) or ''
  end
  return answer
end`

/** Answers the epoch of the new leader. What was on its way is due at once. */
export const CLAIM = `${PARTS}
for _, ref in ipairs(redis.call('SMEMBERS', base .. ':flight')) do redis.call('ZADD', base .. ':due', 0, ref) end
return redis.call('INCR', base .. ':epoch')`

/** ARGV: SAGA/KEY of each. Answers for each its text and its due time, '' where there is none. */
export const LOAD = `${PARTS}
return found(ARGV)`

/** ARGV: now, limit. Answers as LOAD. */
export const DUE = `${PARTS}
return found(redis.call('ZRANGEBYSCORE', base .. ':due', '-inf', ARGV[1], 'LIMIT', 0, ARGV[2]))`

/**
 * ARGV: epoch or '', number of definitions; for each its name and text; then for each transition saga, SAGA/KEY, revision that
 * it was made of, revision, status, start, end or '', due time or '', 1 where a command is on its way, version, instance.
 * Answers 1 or 0 for each; a text with the epoch of the leader where that is a later one.
 */
export const SAVE = `${PARTS}
local leader = redis.call('GET', base .. ':epoch')
if ARGV[1] ~= '' and leader and tonumber(leader) > tonumber(ARGV[1]) then return leader end
local next = 3
for _ = 1, tonumber(ARGV[2]) do
  redis.call('HSETNX', base .. ':definitions', ARGV[next], ARGV[next + 1])
  next = next + 2
end
local answer = {}
while next <= #ARGV do
  local saga, ref, from, revision, status = ARGV[next], ARGV[next + 1], ARGV[next + 2], ARGV[next + 3], ARGV[next + 4]
  local start, over, due, flight = ARGV[next + 5], ARGV[next + 6], ARGV[next + 7], ARGV[next + 8]
  local version, body = ARGV[next + 9], ARGV[next + 10]
  next = next + 11
  local kept = redis.call('HGET', base, ref)
  local id, before, began, first, stored
  if kept then id, before, began, first, stored = headOf(kept) end
  if (stored or '0') ~= from then
    answer[#answer + 1] = 0
  else
    if kept then
      leave(id, before, began, saga, ref)
      start, version = began, first
    else
      id = redis.call('INCR', base .. ':sequence')
      redis.call('HINCRBY', base .. ':versions', saga .. '/' .. version, 1)
    end
    join(id, status, start, saga, ref)
    redis.call('HSET', base, ref, id .. ' ' .. status .. ' ' .. start .. ' ' .. version .. ' ' .. revision .. '\\n' .. body)
    timed(base .. ':due', ref, due)
    timed(base .. ':ended', ref, over)
    redis.call(flight == '1' and 'SADD' or 'SREM', base .. ':flight', ref)
    answer[#answer + 1] = 1
  end
end
return answer`

/**
 * ARGV: the member of a group's set that it begins behind, or '', how many are looked at and how many are answered at most, the
 * beginning of their key, the saga or '', then each status; none: any. Of all such groups together, the newest first. Answers 1
 * where there may be more, the last member that was looked at, then for each that fits its member, text and due time: all
 * of one moment, or an instance that goes from one group to another would be in neither.
 */
export const LIST = `${PARTS}
local max, looked, limit = ARGV[1] == '' and '+' or '(' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local prefix, saga = ARGV[4], ARGV[5]
local statuses = {}
for i = 6, #ARGV do statuses[ARGV[i]] = true end
local members = {}
for _, group in ipairs(redis.call('SMEMBERS', base .. ':groups')) do
  local status, name = string.match(group, '^([^/]*)/(.*)$')
  if (saga == '' or saga == name) and (#ARGV < 6 or statuses[status]) then
    for _, member in ipairs(redis.call('ZREVRANGEBYLEX', base .. ':in:' .. group, max, '-', 'LIMIT', 0, looked)) do
      members[#members + 1] = member
    end
  end
end
table.sort(members, function(one, other) return string.sub(one, 1, 32) > string.sub(other, 1, 32) end)
local answer = {#members >= looked and '1' or '0', ''}
for i = 1, math.min(#members, looked) do
  local at = #answer
  if at >= 2 + 3 * limit then
    answer[1] = '1'
    break
  end
  answer[2] = members[i]
  local ref = string.sub(members[i], 33)
  local key = string.sub(ref, string.find(ref, '/', 1, true) + 1)
  if string.sub(key, 1, #prefix) == prefix then
    answer[at + 1], answer[at + 2] = members[i], redis.call('HGET', base, ref) or ''
    answer[at + 3] = redis.call('ZSCORE', base .. ':due', ref) or ''
  end
end
return answer`

/** ARGV: time that their end lies before, limit. Answers how many went. */
export const REMOVE_ENDED = `${PARTS}
local refs = redis.call('ZRANGEBYSCORE', base .. ':ended', '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, ref in ipairs(refs) do
  local saga = string.match(ref, '^[^/]*')
  local id, status, start, version = headOf(redis.call('HGET', base, ref))
  leave(id, status, start, saga, ref)
  redis.call('HDEL', base, ref)
  redis.call('ZREM', base .. ':due', ref)
  redis.call('ZREM', base .. ':ended', ref)
  redis.call('SREM', base .. ':flight', ref)
  local name = saga .. '/' .. version
  if redis.call('HINCRBY', base .. ':versions', name, -1) == 0 then
    redis.call('HDEL', base .. ':versions', name)
    redis.call('HDEL', base .. ':definitions', name)
  end
end
return #refs`

/** Answers for each definition its name and text. */
export const DEFINITIONS = `${PARTS}
local answer = {}
for _, name in ipairs(redis.call('HKEYS', base .. ':versions')) do
  local text = redis.call('HGET', base .. ':definitions', name)
  if text then answer[#answer + 1] = text end
end
return answer`

/** Answers for each group its name, its number of instances, and the first of them. */
export const COUNTS = `${PARTS}
local answer = {}
for _, group in ipairs(redis.call('SMEMBERS', base .. ':groups')) do
  local set = base .. ':in:' .. group
  answer[#answer + 1] = group
  answer[#answer + 1] = redis.call('ZCARD', set)
  answer[#answer + 1] = redis.call('ZRANGE', set, 0, 0)[1]
end
return answer`
