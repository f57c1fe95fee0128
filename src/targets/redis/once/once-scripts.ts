/**
 * KEYS: epoch, applied, applied before, applied by retries or before them, then the keys of the operations, one after the other.
 * ARGV: epoch or '' (a retry of dead letters), then for each operation: id or '' (no record is kept), command, how many of
 * KEYS are its keys, how many arguments, the arguments. Data is in KEYS and ARGV only, never in this text.
 *
 * An operation whose id is recorded is left out; else it runs and is recorded, which cannot be torn apart. A command that
 * is wrong in itself fails alone; anything else (no memory, read-only) ends the script, so that no later command of a key
 * runs without the earlier one. Once something was written, Redis lets a script finish.
 * Answers how many operations were looked at, then pairs of place (from 0) and error; an error that ended it is followed
 * by 'stopped'.
 */
export const APPLY = `
if ARGV[1] ~= '' then
  local held, own = tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1])
  if held > own then return redis.error_reply('BINGOFENCED run ' .. held .. ' of this instance has taken over from ' .. own) end
  if held < own then
    local set = redis.pcall('SET', KEYS[1], ARGV[1])
    if set.err then return { 0, 0, set.err, 'stopped' } end
  end
end
local function recorded(id)
  for i = 2, 4 do
    if redis.call('SISMEMBER', KEYS[i], id) == 1 then return true end
  end
  return false
end
local answer, key, at, place = { 0 }, 5, 2, 0
while at <= #ARGV do
  local id, keys, args = ARGV[at], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  if id == '' or not recorded(id) then
    local command = { ARGV[at + 1] }
    for i = key, key + keys - 1 do command[#command + 1] = KEYS[i] end
    for i = at + 4, at + 3 + args do command[#command + 1] = ARGV[i] end
    local ran, reply = pcall(function() return redis.pcall(unpack(command)) end)
    local problem = not ran and 'ERR ' .. tostring(reply) or (type(reply) == 'table' and reply.err)
    if problem then
      answer[#answer + 1] = place
      answer[#answer + 1] = problem
      if not (string.find(problem, '^WRONGTYPE') or string.find(problem, '^ERR') or string.find(problem, '^NOPERM')) then
        answer[#answer + 1] = 'stopped'
        return answer
      end
    elseif id ~= '' then
      redis.call('SADD', KEYS[2], id)
      if ARGV[1] == '' then redis.call('SADD', KEYS[4], id) end
    end
  end
  key = key + keys
  at = at + 4 + args
  place = place + 1
  answer[1] = place
end
return answer`

/**
 * KEYS: epoch, applied, applied before, generation · ARGV: epoch, the generation that the caller knows.
 * Forgets what was applied before, and puts what was applied since in its place; done once for a generation, however
 * often it is repeated. Answers the present generation.
 */
export const FORGET = `
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
if held > tonumber(ARGV[1]) then return redis.error_reply('BINGOFENCED run ' .. held .. ' of this instance has taken over') end
local generation = tonumber(redis.call('GET', KEYS[4]) or '0')
if generation ~= tonumber(ARGV[2]) then return generation end
redis.call('UNLINK', KEYS[3])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[3]) end
return redis.call('INCR', KEYS[4])`

/** KEYS: applied, applied before, applied by retries or before them · ARGV: ids. What is applied among them is put there. */
export const KEEP = `
for i = 1, #ARGV do
  if redis.call('SISMEMBER', KEYS[1], ARGV[i]) == 1 or redis.call('SISMEMBER', KEYS[2], ARGV[i]) == 1 then
    redis.call('SADD', KEYS[3], ARGV[i])
  end
end
return #ARGV`
