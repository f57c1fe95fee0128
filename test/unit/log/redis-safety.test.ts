import { expect, test } from 'vitest'
import { parseEventRedisAddress } from '../../../src/log/redis/address.ts'
import { factsOf, type RedisServerFacts } from '../../../src/clients/redis/server-facts.ts'
import { judgeServer } from '../../../src/log/redis/safety.ts'

const SAFE: RedisServerFacts = {
  version: '8.0.1',
  isAppendOnly: true,
  appendFsync: 'always',
  skipsFsyncOnRewrite: false,
  evictionPolicy: 'noeviction',
  hasReplicas: false,
}

function judge(facts: Partial<RedisServerFacts>, url = 'redis://cache') {
  return judgeServer({ ...SAFE, ...facts }, parseEventRedisAddress(url))
}

test.each([
  [{}, '', 'fsync', false],
  [{ appendFsync: 'everysec' }, '', 'server', false],
  [{ appendFsync: 'everysec' }, '?durability=fsync', 'fsync', true],
  [{}, '?durability=fsync', 'fsync', false],
  [{ skipsFsyncOnRewrite: true }, '', 'server', false],
  [{ skipsFsyncOnRewrite: true }, '?durability=fsync', 'fsync', true],
  [{ appendFsync: 'no' }, '', 'server', false],
  [{ appendFsync: null }, '', 'server', false],
  [{ appendFsync: null }, '?durability=fsync', 'fsync', true],
  [{ isAppendOnly: false }, '', 'memory', false],
  [{ version: '6.2.0' }, '?durability=fsync', 'fsync', false],
] as const)('a server with %j and %j answers durability %s (waits: %s)', (facts, options, durability, waits) => {
  expect(judge(facts, `redis://cache${options}`)).toMatchObject({ durability, waitsForFsync: waits })
})

test.each([
  [{ version: '6.0.16' }, '', 'version 6.0.16'],
  [{ evictionPolicy: 'allkeys-lfu' }, '', 'allkeys-lfu'],
  [{ evictionPolicy: 'allkeys-random' }, '', 'allkeys-random'],
  [{ isAppendOnly: false }, '?durability=fsync', 'append-only file'],
  [{ appendFsync: 'no' }, '?durability=fsync', 'appendfsync no'],
  [{ appendFsync: 'everysec', version: '7.0.15' }, '?durability=fsync', 'WAITAOF'],
])('a server with %j and %j is refused: %s', (facts, options, words) => {
  const refused = { code: 'BINGO_LOG_UNSAFE', retryable: false, message: expect.stringContaining(words) as string }
  expect(() => judge(facts, `redis://cache${options}`)).toThrow(expect.objectContaining(refused))
})

test.each([
  ['redis://cache', { hasReplicas: true }, 1],
  ['redis://cache?replicas=1', { hasReplicas: true }, 0],
  ['sentinel://cache/main', {}, 1],
  ['redis+cluster://cache', { isAppendOnly: false }, 2],
])('says at the start what %s with %j can lose: %d lines', (url, facts, lines) => {
  expect(judge(facts, url).warnings).toHaveLength(lines)
})

test('reads INFO and the settings of a server, and does without them', () => {
  const info =
    '# Server\r\nredis_version:7.4.2\r\n# Persistence\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\nconnected_slaves:2\r\n'
  expect(factsOf(info, new Map([['appendfsync', 'everysec']]))).toEqual({
    ...SAFE,
    version: '7.4.2',
    appendFsync: 'everysec',
    hasReplicas: true,
  })
  expect(factsOf('', new Map())).toMatchObject({ version: '', isAppendOnly: false, appendFsync: null })
})
