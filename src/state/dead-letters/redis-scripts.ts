/**
 * KEYS: letters (hash id → JSON, a line feed, which JSON has none of, and the parked key), order (sorted set of ids), bytes, sequence, parked (hash of parked key → entries).
 * ARGV: maxCount, maxBytes, then for each letter: id, parked key or '', '1' when it waits behind another, JSON and line feed.
 * All or nothing: counts first, writes after. Repeating it changes nothing. Answers {0} when it would go beyond a bound,
 * else {1, places…} with the places of letters that have nothing to wait behind and were not taken.
 */
export const ADD = `
local count, bytes, fresh, seen, free, here, answer = 0, 0, {}, {}, {}, {}, {1}
for i = 3, #ARGV, 4 do
  local id, key = ARGV[i], ARGV[i + 1]
  if not seen[id] and redis.call('HEXISTS', KEYS[1], id) == 0 then
    if key ~= '' and not free[key] and ARGV[i + 2] == '1' and not here[key] then
      free[key] = redis.call('HEXISTS', KEYS[5], key) == 0
    end
    if free[key] then
      answer[#answer + 1] = (i - 3) / 4
    else
      here[key] = true
      count = count + 1
      bytes = bytes + #ARGV[i + 3] + #key
      fresh[count] = i
    end
    seen[id] = true
  end
end
if count == 0 then return answer end
if redis.call('HLEN', KEYS[1]) + count > tonumber(ARGV[1]) then return {0} end
if tonumber(redis.call('GET', KEYS[3]) or '0') + bytes > tonumber(ARGV[2]) then return {0} end
for _, i in ipairs(fresh) do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 3] .. ARGV[i + 1])
  redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[4]), ARGV[i])
  if ARGV[i + 1] ~= '' then redis.call('HINCRBY', KEYS[5], ARGV[i + 1], 1) end
end
redis.call('INCRBY', KEYS[3], bytes)
return answer`

/**
 * KEYS as above · ARGV: for each entry its id, and the place where it has to stand, or ''. Answers how many there were.
 */
export const REMOVE = `
local removed = 0
for i = 1, #ARGV, 2 do
  local id, place = ARGV[i], ARGV[i + 1]
  local body = (place == '' or redis.call('ZSCORE', KEYS[2], id) == place) and redis.call('HGET', KEYS[1], id)
  if body then
    removed = removed + 1
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
    redis.call('DECRBY', KEYS[3], #body)
    local line = string.find(body, '\\n', 1, true)
    if line and line < #body then
      local key = string.sub(body, line + 1)
      if redis.call('HINCRBY', KEYS[5], key, -1) <= 0 then redis.call('HDEL', KEYS[5], key) end
    end
  end
end
return removed`

/**
 * KEYS as above · ARGV: the place behind which it begins, or '-inf', and how many at most. Answers ids, places and bodies,
 * all of one moment: an entry that came again in between would stand ahead of what it came behind.
 */
export const PAGE = `
local found = redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[2]))
local answer = {}
for i = 1, #found, 2 do
  local body = redis.call('HGET', KEYS[1], found[i])
  if body then
    local at = #answer
    answer[at + 1], answer[at + 2], answer[at + 3] = found[i], found[i + 1], body
  end
end
return answer`

/** KEYS as above · ARGV: ids. Answers as PAGE, in the order of the ids. */
export const FIND = `
local answer = {}
for i = 1, #ARGV do
  local body = redis.call('HGET', KEYS[1], ARGV[i])
  if body then
    local at = #answer
    answer[at + 1], answer[at + 2], answer[at + 3] = ARGV[i], redis.call('ZSCORE', KEYS[2], ARGV[i]), body
  end
end
return answer`
