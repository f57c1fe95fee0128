/**
 * What runs inside of Redis: each script is one step, whole or not at all. All keys begin with KEYS[1], whose braces are
 * a Cluster hash tag, so one node has all of a store:
 *
 * - `KEYS[1]`: head (hash): counters of all posts, and the run of the server that counted last
 * - `:meta` (hash): name → seq, place, when stored, bytes, partition
 * - `:body` (hash): name → JSON of the envelope
 * - `:progress` (hash): name → status and JSON of the progress; nothing: it is as it was stored
 * - `:index` (stream): every event by its seq · `:log` (stream): entries by their place
 * - `:due` (sorted set): events that wait, by their time
 * - `:groups` (set), `:group:NAME` (hash: `upTo`, `done`, holder of each partition), `:ahead:NAME` (sorted set of places),
 *   `:members:NAME` (sorted set: reader → end of its lease), `:names:NAME` (hash: reader → who that is)
 */
const OPEN = `
local H = KEYS[1]
local META, BODY, PROGRESS = H .. ':meta', H .. ':body', H .. ':progress'
local INDEX, LOG, DUE = H .. ':index', H .. ':log', H .. ':due'
local FIELDS = {'seq', 'place', 'count', 'bytes', 'trimmed', 'appended'}
-- Lua would write large numbers as 1.7e+15.
local function int(n) return string.format('%.0f', n) end
local function micros()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end
local function open()
  local values = redis.call('HMGET', H, 'format', 'run', unpack(FIELDS))
  if values[1] and tonumber(values[1]) > 1 then error('BINGONEWER ' .. values[1], 0) end
  local head = {run = values[2]}
  for i, field in ipairs(FIELDS) do head[field] = tonumber(values[i + 2] or '0') end
  return head
end
-- A server that started anew, or took over, may lack what was answered last: its places begin behind all that ever were,
-- so that none is given twice.
local function openToAppend()
  local head = open()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or 'unknown'
  if run ~= head.run then
    head.place = math.max(head.place + 1000000, micros())
    head.run = run
  end
  return head
end
local function save(head)
  local values = {'format', '1', 'run', head.run}
  for _, field in ipairs(FIELDS) do
    values[#values + 1] = field
    values[#values + 1] = int(head[field])
  end
  redis.call('HSET', H, unpack(values))
end
-- Somebody else has removed it.
local function must(value, name)
  if not value then error('BINGOMISSING ' .. name, 0) end
  return value
end
local function inParts(command, key, values)
  for from = 1, #values, 500 do redis.call(command, key, unpack(values, from, math.min(from + 499, #values))) end
end
local function valuesOf(key, names)
  local values = {}
  for from = 1, #names, 500 do
    for _, value in ipairs(redis.call('HMGET', key, unpack(names, from, math.min(from + 499, #names)))) do
      values[#values + 1] = value
    end
  end
  return values
end
local function append(head, name, partition, now)
  head.place = head.place + 1
  head.appended = head.appended + 1
  redis.call('XADD', LOG, int(head.place) .. '-0', 'n', name, 'p', partition, 't', now)
end
local function waiting(seq, name) return string.format('%016.0f', seq) .. name end
`

/**
 * Stores events that are all new. ARGV: most events, most bytes, then for each its name, envelope, due time (or ''),
 * partition, when it is stored. Answers the place of the first one that is due, the others follow; 0 where one of them is
 * stored already, or there is no room for all: then nothing is stored.
 */
export const POST = `${OPEN}
local head = openToAppend()
local count, bytes = (#ARGV - 2) / 5, 0
local names = {}
for i = 1, count do
  names[i] = ARGV[i * 5 - 2]
  bytes = bytes + #ARGV[i * 5 - 1]
end
if head.count + count > tonumber(ARGV[1]) or head.bytes + bytes > tonumber(ARGV[2]) then return 0 end
for _, known in ipairs(valuesOf(META, names)) do
  if known then return 0 end
end
local metas, bodies, first = {}, {}, int(head.place + 1)
for i = 1, count do
  local name, body, dueAt, partition, now = unpack(ARGV, i * 5 - 2, i * 5 + 2)
  local place = 0
  head.seq = head.seq + 1
  redis.call('XADD', INDEX, int(head.seq) .. '-0', 'n', name)
  if dueAt == '' then
    append(head, name, partition, now)
    place = head.place
  else
    redis.call('ZADD', DUE, dueAt, waiting(head.seq, name))
  end
  metas[i * 2 - 1], bodies[i * 2 - 1] = name, name
  metas[i * 2] = table.concat({int(head.seq), int(place), now, #body, partition}, ' ')
  bodies[i * 2] = body
end
inParts('HSET', META, metas)
inParts('HSET', BODY, bodies)
head.count = head.count + count
head.bytes = head.bytes + bytes
save(head)
return first`

/** ARGV: 1 to read envelopes too, then names. Answers count and bytes of the store, then meta, body, progress of each. */
export const FIND = `${OPEN}
local head = open()
local out = {int(head.count), int(head.bytes)}
for from = 2, #ARGV, 500 do
  local names = {unpack(ARGV, from, math.min(from + 499, #ARGV))}
  local metas = redis.call('HMGET', META, unpack(names))
  local bodies = ARGV[1] == '1' and redis.call('HMGET', BODY, unpack(names)) or {}
  local progress = redis.call('HMGET', PROGRESS, unpack(names))
  for i = 1, #names do
    out[#out + 1] = metas[i] or ''
    out[#out + 1] = bodies[i] or ''
    out[#out + 1] = progress[i] or ''
  end
end
return out`

/**
 * Writes what became of events of which nothing was written before. ARGV: for each its name, status, when that is, and the
 * rest of the JSON of its progress (FirstProgress). Answers the numbers, counted from 1, of those that have some already.
 */
export const FIRST_PROGRESS = `${OPEN}
open()
local names = {}
for i = 1, #ARGV, 4 do names[#names + 1] = ARGV[i] end
local metas, known = valuesOf(META, names), valuesOf(PROGRESS, names)
local written, left = {}, {}
for i, name in ipairs(names) do
  if known[i] then left[#left + 1] = i
  elseif metas[i] then
    local status, at, rest = unpack(ARGV, i * 4 - 2, i * 4)
    local created = string.match(metas[i], '^%d+ %d+ (%d+)')
    if tonumber(created) > tonumber(at) then at = created end
    written[#written + 1] = name
    written[#written + 1] = status .. ' {"createdAt":' .. created .. ',"updatedAt":' .. at .. ',' .. rest
  end
end
if #written > 0 then inParts('HSET', PROGRESS, written) end
return left`

/**
 * Changes events if they are still as they were read. ARGV: most events, most bytes, then for each: name, meta and
 * progress as they were read ('' = none), what its place becomes ('keep'; 'none'; 'due'; or a number, counted from 1, of an
 * entry that is appended), due time, envelope, progress ('' = as it is), partition, when that is. Answers 0 where one has changed, or
 * there is no room: then nothing is.
 */
export const CHANGE = `${OPEN}
local head = openToAppend()
local wide = 9
local added, grown = 0, 0
for i = 3, #ARGV, wide do
  local name, meta, body = ARGV[i], ARGV[i + 1], ARGV[i + 5]
  if (redis.call('HGET', META, name) or '') ~= meta then return 0 end
  if (redis.call('HGET', PROGRESS, name) or '') ~= ARGV[i + 2] then return 0 end
  if meta == '' then added = added + 1 end
  if body ~= '' then grown = grown + #body - tonumber(string.match(meta, '^%d+ %d+ %d+ (%d+)') or '0') end
end
if added > 0 or grown > 0 then
  if head.count + added > tonumber(ARGV[1]) or head.bytes + grown > tonumber(ARGV[2]) then return 0 end
end
local entries = {}
local before = head.place
for i = 3, #ARGV, wide do
  local name, meta, place, dueAt = ARGV[i], ARGV[i + 1], ARGV[i + 3], ARGV[i + 4]
  local body, progress, partition, now = unpack(ARGV, i + 5, i + 8)
  local seq, oldPlace, created, size = string.match(meta, '^(%d+) (%d+) (%d+) (%d+)')
  if meta == '' then
    head.seq = head.seq + 1
    seq, oldPlace, created = int(head.seq), '0', now
    redis.call('XADD', INDEX, seq .. '-0', 'n', name)
  end
  if place ~= 'keep' and oldPlace == '0' then redis.call('ZREM', DUE, waiting(tonumber(seq), name)) end
  if place == 'due' then redis.call('ZADD', DUE, dueAt, waiting(tonumber(seq), name)) end
  local number = tonumber(place)
  if number then
    entries[number] = {name, partition, now}
    oldPlace = int(before + number)
  end
  if body ~= '' then
    size = #body
    redis.call('HSET', BODY, name, body)
  end
  if place ~= 'keep' or body ~= '' then
    redis.call('HSET', META, name, table.concat({seq, oldPlace, created, size, partition}, ' '))
  end
  if progress ~= '' then redis.call('HSET', PROGRESS, name, progress) end
end
for _, entry in ipairs(entries) do append(head, unpack(entry)) end
head.count = head.count + added
head.bytes = head.bytes + grown
save(head)
return 1`

/** ARGV: now, most that are moved. Answers how many, and when the next one is due ('' = never). */
export const MOVE_DUE = `${OPEN}
local head = openToAppend()
local moved = redis.call('ZRANGEBYSCORE', DUE, '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, member in ipairs(moved) do
  local name = string.sub(member, 17)
  local seq, created, size, partition = string.match(must(redis.call('HGET', META, name), name), '^(%d+) %d+ (%d+) (%d+) (%d+)')
  append(head, name, partition, ARGV[1])
  redis.call('HSET', META, name, table.concat({seq, int(head.place), created, size, partition}, ' '))
end
if #moved > 0 then
  inParts('ZREM', DUE, moved)
  save(head)
end
return {#moved, redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2] or ''}`

/**
 * The newest events before. ARGV: seq ('' = from the newest), how many are looked at, status, stored since, stored until
 * ('' = any). Answers the last seq that was looked at ('' = there are no more), then seq, meta, body, progress of each.
 */
export const LIST = `${OPEN}
open()
local rows = redis.call('XREVRANGE', INDEX, ARGV[1] == '' and '+' or '(' .. ARGV[1] .. '-0', '-', 'COUNT', ARGV[2])
local since, before = tonumber(ARGV[4]) or 0, tonumber(ARGV[5]) or math.huge
local out = {''}
for _, row in ipairs(rows) do
  local seq, name = string.match(row[1], '^%d+'), row[2][2]
  local meta = must(redis.call('HGET', META, name), name)
  local progress = redis.call('HGET', PROGRESS, name) or ''
  local created = tonumber(string.match(meta, '^%d+ %d+ (%d+)'))
  local status = string.match(progress, '^%a+') or 'pending'
  if (ARGV[3] == '' or ARGV[3] == status) and created >= since and created < before then
    out[#out + 1] = meta
    out[#out + 1] = must(redis.call('HGET', BODY, name), name)
    out[#out + 1] = progress
  end
  if #rows == tonumber(ARGV[2]) then out[1] = seq end
end
return out`

/**
 * Removes ended events that are not in the log any more. ARGV: the seq behind which it looks, how many, stored before.
 * Answers how many were removed, and where to go on ('' = all that follow are younger).
 */
export const EXPIRE = `${OPEN}
local head = open()
local before, removed, isOld, last = tonumber(ARGV[3]), 0, false, ''
local rows = redis.call('XRANGE', INDEX, '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])
for _, row in ipairs(rows) do
  local name = row[2][2]
  local place, created, size = string.match(must(redis.call('HGET', META, name), name), '^%d+ (%d+) (%d+) (%d+)')
  last = string.match(row[1], '^%d+')
  if tonumber(created) < before then
    isOld = true
    local status = string.match(redis.call('HGET', PROGRESS, name) or '', '^%a+')
    local hasEnded = status == 'completed' or status == 'failed' or status == 'cancelled'
    if hasEnded and tonumber(place) <= head.trimmed then
      redis.call('HDEL', META, name)
      redis.call('HDEL', BODY, name)
      redis.call('HDEL', PROGRESS, name)
      redis.call('XDEL', INDEX, row[1])
      removed = removed + 1
      head.count = head.count - 1
      head.bytes = head.bytes - tonumber(size)
    end
  end
end
if removed > 0 then redis.call('HSET', H, 'count', int(head.count), 'bytes', int(head.bytes)) end
return {removed, isOld and last or ''}`

export const OPEN_STORE = OPEN
