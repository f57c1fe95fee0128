import { OPEN_STORE } from './scripts.ts'

const GROUPS = `${OPEN_STORE}
local function groupKeys(group)
  return H .. ':group:' .. group, H .. ':ahead:' .. group, H .. ':members:' .. group, H .. ':names:' .. group
end
local function lines(key)
  local values, map = redis.call('HGETALL', key), {}
  for i = 1, #values, 2 do map[values[i]] = values[i + 1] end
  return map
end
local function entriesBehind(place)
  local count, from = 0, '(' .. int(place) .. '-0'
  while true do
    local rows = redis.call('XRANGE', LOG, from, '+', 'COUNT', 1000)
    count = count + #rows
    if #rows < 1000 then return count end
    from = '(' .. rows[1000][1]
  end
end
-- A new group begins behind a place, or with the first entry that is left.
local function join(group, after)
  local key = groupKeys(group)
  local state = lines(key)
  if state.upTo then return state end
  local head = open()
  local upTo = math.max(after, head.trimmed)
  local left = upTo == head.trimmed and redis.call('XLEN', LOG) or entriesBehind(upTo)
  state.upTo, state.done = int(upTo), int(head.appended - left)
  redis.call('HSET', key, 'upTo', state.upTo, 'done', state.done)
  redis.call('SADD', H .. ':groups', group)
  return state
end
local function isAlive(members, reader, now)
  local score = redis.call('ZSCORE', members, reader)
  return score and tonumber(score) > now
end
`

/**
 * Entries behind a place. ARGV: place, how many are looked at, bytes about, group ('' = none), reader, then partitions that
 * are left out. Of a group only what it has not acknowledged, in the partitions that the reader holds. Answers the last
 * place that was looked at, 1 where there is nothing behind it, then place, partition, when appended, envelope of each; or
 * nothing where the reader's lease has run out.
 */
export const PAGE = `${GROUPS}
open()
local after, most, group, reader = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[4], ARGV[5]
local isHeld, ahead, isLeftOut
if group ~= '' then
  local key, aheadKey, members = groupKeys(group)
  if not isAlive(members, reader, micros() / 1000) then return {} end
  isHeld, ahead, isLeftOut = lines(key), aheadKey, {}
  after = math.max(after, tonumber(isHeld.upTo or '0'))
  for i = 6, #ARGV do isLeftOut[ARGV[i]] = true end
end
local rows = redis.call('XRANGE', LOG, '(' .. int(after) .. '-0', '+', 'COUNT', most)
local isDone, bytes, out = {}, 0, {int(after), #rows < most and '1' or '0'}
if ahead and #rows > 0 then
  local first, last = string.match(rows[1][1], '^%d+'), string.match(rows[#rows][1], '^%d+')
  for _, place in ipairs(redis.call('ZRANGEBYSCORE', ahead, first, last)) do isDone[place] = true end
end
for i, row in ipairs(rows) do
  local place, name, partition, at = string.match(row[1], '^%d+'), row[2][2], row[2][4], row[2][6]
  out[1] = place
  local isMine = not isHeld or (isHeld[partition] == reader and not isLeftOut[partition])
  if isMine and not isDone[place] then
    local body = must(redis.call('HGET', BODY, name), name)
    out[#out + 1], out[#out + 2], out[#out + 3], out[#out + 4] = place, partition, at, body
    bytes = bytes + #body
    if bytes >= tonumber(ARGV[3]) and i < #rows then
      out[2] = '0'
      break
    end
  end
end
return out`

/**
 * A reader says that it is there, gives partitions back, and takes its share of those that nobody holds. ARGV: group, reader,
 * who that is, lease in ms, number of partitions, where a new group begins, then partitions that it gives back. Answers the
 * run of the server, its share, then what it holds.
 */
export const TEND = `${GROUPS}
local group, reader, partitions = ARGV[1], ARGV[2], tonumber(ARGV[5])
local key, _, members, names = groupKeys(group)
local state = join(group, tonumber(ARGV[6]))
local now = math.floor(micros() / 1000)
redis.call('ZREMRANGEBYSCORE', members, '-inf', int(now))
redis.call('ZADD', members, int(now + tonumber(ARGV[4])), reader)
redis.call('HSET', names, reader, ARGV[3])
for _, known in ipairs(redis.call('HKEYS', names)) do
  if not redis.call('ZSCORE', members, known) then redis.call('HDEL', names, known) end
end
for i = 7, #ARGV do
  if state[ARGV[i]] == reader then
    redis.call('HDEL', key, ARGV[i])
    state[ARGV[i]] = nil
  end
end
local share = math.ceil(partitions / redis.call('ZCARD', members))
local held, free = {}, {}
for i = 0, partitions - 1 do
  local partition = int(i)
  local holder = state[partition]
  if holder == reader then held[#held + 1] = partition
  elseif not holder or not redis.call('ZSCORE', members, holder) then free[#free + 1] = partition end
end
for _, partition in ipairs(free) do
  if #held >= share then break end
  redis.call('HSET', key, partition, reader)
  held[#held + 1] = partition
end
return {string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or '', int(share), unpack(held)}`

/** ARGV: group, reader. What it held is free. */
export const LEAVE = `${GROUPS}
local key, _, members, names = groupKeys(ARGV[1])
for field, value in pairs(lines(key)) do
  if value == ARGV[2] then redis.call('HDEL', key, field) end
end
redis.call('ZREM', members, ARGV[2])
redis.call('HDEL', names, ARGV[2])
return 0`

/**
 * ARGV: group, reader, then places. Of partitions that another reader holds nothing is acknowledged. Answers how many places
 * were refused for that, and the name of one such reader.
 */
export const ACKNOWLEDGE = `${GROUPS}
local group, reader = ARGV[1], ARGV[2]
local key, ahead, members, names = groupKeys(group)
local state = join(group, 0)
local now = micros() / 1000
local upTo, done = tonumber(state.upTo), tonumber(state.done)
local refused, other = 0, ''
for i = 3, #ARGV do
  local place = ARGV[i]
  local row = tonumber(place) > upTo and redis.call('XRANGE', LOG, place .. '-0', place .. '-0')[1]
  if row then
    local holder = state[row[2][4]]
    if holder and holder ~= reader and isAlive(members, holder, now) then
      refused, other = refused + 1, redis.call('HGET', names, holder) or holder
    else
      redis.call('ZADD', ahead, place, place)
    end
  end
end
local before, goesOn = upTo, true
while goesOn do
  local rows = redis.call('XRANGE', LOG, '(' .. int(upTo) .. '-0', '+', 'COUNT', 256)
  goesOn = #rows == 256
  for _, row in ipairs(rows) do
    local place = string.match(row[1], '^%d+')
    if not redis.call('ZSCORE', ahead, place) then
      goesOn = false
      break
    end
    upTo, done = tonumber(place), done + 1
  end
end
if upTo > before then
  redis.call('ZREMRANGEBYSCORE', ahead, '-inf', int(upTo))
  redis.call('HSET', key, 'upTo', int(upTo), 'done', int(done))
end
return {refused, other}`

/** ARGV: the last place to remove, or '' = everything that every group has acknowledged. Answers how many entries. */
export const TRIM = `${GROUPS}
local head = open()
local bound, count = tonumber(ARGV[1]) or math.huge, 0
for _, group in ipairs(redis.call('SMEMBERS', H .. ':groups')) do
  count = count + 1
  bound = math.min(bound, tonumber(redis.call('HGET', groupKeys(group), 'upTo')))
end
if ARGV[1] == '' and count == 0 then return 0 end
bound = math.min(bound, head.place)
if bound <= head.trimmed then return 0 end
redis.call('HSET', H, 'trimmed', int(bound))
return redis.call('XTRIM', LOG, 'MINID', int(bound + 1) .. '-0')`

/** Answers entries, bytes, first and last place ('' = none), then of each group: name, acknowledged, pending. */
export const STATS = `${GROUPS}
local head = open()
local function edge(command, from, to)
  local row = redis.call(command, LOG, from, to, 'COUNT', 1)[1]
  return row and string.match(row[1], '^%d+') or ''
end
local out = {redis.call('XLEN', LOG), int(head.bytes), edge('XRANGE', '-', '+'), edge('XREVRANGE', '+', '-')}
for _, group in ipairs(redis.call('SMEMBERS', H .. ':groups')) do
  local key, ahead = groupKeys(group)
  local state = redis.call('HMGET', key, 'upTo', 'done')
  out[#out + 1], out[#out + 2], out[#out + 3] = group, state[1],
    int(math.max(0, head.appended - tonumber(state[2]) - redis.call('ZCARD', ahead)))
end
return out`
