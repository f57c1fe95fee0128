/**
 * KEYS: records (hash id → place, head as JSON and event, each on a line of its own), lines (hash line → bytes), sequence,
 * places (hash place → id). Beside them, made of the first key, for each line: a sorted set of ids by place, its shapes, and
 * for rows of keyed lines a sorted set of their own.
 */
const DROP = `
local function drop(id)
  local body = redis.call('HGET', KEYS[1], id)
  if not body then return false end
  local first = string.find(body, '\\n', 1, true)
  local second = string.find(body, '\\n', first + 1, true)
  local head = cjson.decode(string.sub(body, first + 1, second - 1))
  local line = KEYS[1] .. ':line:' .. head.line
  redis.call('HDEL', KEYS[1], id)
  redis.call('HDEL', KEYS[4], string.sub(body, 1, first - 1))
  redis.call('ZREM', line, id)
  if head.keyed then redis.call('ZREM', KEYS[1] .. ':row:' .. head.line .. ':' .. head.rowKey, id) end
  if redis.call('ZCARD', line) == 0 then
    redis.call('DEL', KEYS[1] .. ':shapes:' .. head.line)
    redis.call('HDEL', KEYS[2], head.line)
  else
    redis.call('HINCRBY', KEYS[2], head.line, -head.bytes)
  end
  return true
end`

/**
 * ARGV: number of shapes; for each its line, name and text; then for each record its id, head and event, the place where
 * something has to stand, or '', and how many ids follow of what is not to stay ahead of it. Answers the places; 0: nothing stands there.
 * Repeating it moves the records to places behind all others.
 */
export const ADD = `${DROP}
local shapes = tonumber(ARGV[1])
local places = {}
local i = 2 + shapes * 3
while i <= #ARGV do
  local behind = tonumber(ARGV[i + 4])
  if ARGV[i + 3] ~= '' and redis.call('HEXISTS', KEYS[4], ARGV[i + 3]) == 0 then
    places[#places + 1] = 0
  else
    local id, head = ARGV[i], cjson.decode(ARGV[i + 1])
    if drop(id) then
      for each = i + 5, i + 4 + behind do drop(ARGV[each]) end
    end
    local place = redis.call('INCR', KEYS[3])
    redis.call('HSET', KEYS[1], id, place .. '\\n' .. ARGV[i + 1] .. '\\n' .. ARGV[i + 2])
    redis.call('HSET', KEYS[4], place, id)
    redis.call('ZADD', KEYS[1] .. ':line:' .. head.line, place, id)
    if head.keyed then redis.call('ZADD', KEYS[1] .. ':row:' .. head.line .. ':' .. head.rowKey, place, id) end
    redis.call('HINCRBY', KEYS[2], head.line, head.bytes)
    places[#places + 1] = place
  end
  i = i + 5 + behind
end
for i = 2, 1 + shapes * 3, 3 do
  redis.call('HSET', KEYS[1] .. ':shapes:' .. ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return places`

/**
 * KEYS[1]: records; KEYS[2]: a set of ids by place; KEYS[3]: shapes of the line. ARGV: the place to begin behind, and how many
 * at most. Answers ids, bodies, and the shapes with their names, all of one moment: a record that moved between its place being
 * read and its body would stand ahead of what it moved behind.
 */
export const PAGE = `
local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[1], '+inf', 'LIMIT', 0, tonumber(ARGV[2]))
local bodies = {}
for i = 1, #ids do bodies[i] = redis.call('HGET', KEYS[1], ids[i]) end
return {ids, bodies, redis.call('HGETALL', KEYS[3])}`

/** Answers for each line its name, bytes, number of records, the body of the first one, and its shapes, all of one moment. */
export const LINES = `
local totals, answer = redis.call('HGETALL', KEYS[2]), {}
for i = 1, #totals, 2 do
  local set = KEYS[1] .. ':line:' .. totals[i]
  local first = redis.call('ZRANGE', set, 0, 0)[1]
  if first then
    local shapes = redis.call('HVALS', KEYS[1] .. ':shapes:' .. totals[i])
    answer[#answer + 1] = {totals[i], totals[i + 1], redis.call('ZCARD', set), redis.call('HGET', KEYS[1], first), shapes}
  end
end
return answer`

/** ARGV: places. */
export const REMOVE = `${DROP}
for i = 1, #ARGV do
  local id = redis.call('HGET', KEYS[4], ARGV[i])
  if id then drop(id) end
end
return 0`

/**
 * ARGV: for each record its place, the name and text of its shape, its row key, its event, and the bytes of that.
 * A head is an object of texts and numbers, and `rest` may be null: cjson keeps both.
 */
export const REPLACE = `
for i = 1, #ARGV, 6 do
  local id = redis.call('HGET', KEYS[4], ARGV[i])
  if id then
    local body = redis.call('HGET', KEYS[1], id)
    local first = string.find(body, '\\n', 1, true)
    local second = string.find(body, '\\n', first + 1, true)
    local head = cjson.decode(string.sub(body, first + 1, second - 1))
    if head.keyed then
      local row = KEYS[1] .. ':row:' .. head.line .. ':'
      redis.call('ZREM', row .. head.rowKey, id)
      redis.call('ZADD', row .. ARGV[i + 3], ARGV[i], id)
    end
    redis.call('HINCRBY', KEYS[2], head.line, tonumber(ARGV[i + 5]) - head.bytes)
    redis.call('HSET', KEYS[1] .. ':shapes:' .. head.line, ARGV[i + 1], ARGV[i + 2])
    head.shape, head.rowKey, head.bytes = ARGV[i + 1], ARGV[i + 3], tonumber(ARGV[i + 5])
    redis.call('HSET', KEYS[1], id, ARGV[i] .. '\\n' .. cjson.encode(head) .. '\\n' .. ARGV[i + 4])
  end
end
return 0`
