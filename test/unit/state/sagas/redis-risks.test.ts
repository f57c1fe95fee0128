import { expect, test } from 'vitest'
import type { RedisServerFacts } from '../../../../src/clients/redis/server-facts.ts'
import { risksOf } from '../../../../src/state/sagas/redis-risks.ts'

const SAFE: RedisServerFacts = {
  version: '7.2.0',
  isAppendOnly: true,
  appendFsync: 'always',
  skipsFsyncOnRewrite: false,
  evictionPolicy: 'noeviction',
  hasReplicas: false,
}

const risks = (facts: Partial<RedisServerFacts>, mayFailOver = false): readonly string[] =>
  risksOf({ ...SAFE, ...facts }, mayFailOver).map(({ severity, message }) => `${severity} ${message}`)

test('a Redis that syncs every write, evicts nothing and has no replica loses nothing', () => {
  expect(risks({})).toEqual([])
  expect(risks({ evictionPolicy: 'volatile-ttl' })).toEqual([])
})

test.each([
  [
    { evictionPolicy: 'allkeys-lfu' },
    'warning Redis evicts sagas when its memory is full (maxmemory-policy allkeys-lfu)',
  ],
  [{ isAppendOnly: false }, 'warning a restart of Redis loses sagas since its last snapshot (appendonly no)'],
  [{ appendFsync: 'no' }, 'note a power cut of Redis can lose the last transitions of sagas (appendfsync no)'],
  [
    { appendFsync: null },
    'note a power cut of Redis can lose the last transitions of sagas (Redis does not tell appendfsync)',
  ],
  [{ skipsFsyncOnRewrite: true }, expect.stringContaining('no-appendfsync-on-rewrite yes')],
  [{ hasReplicas: true }, expect.stringContaining('note a failover of Redis can lose')],
])('%j is told as what it loses', (facts, told) => {
  expect(risks(facts)).toEqual([told])
})

test('an address of Sentinels or a Cluster may fail over, though no replica is seen now', () => {
  expect(risks({}, true)).toEqual([expect.stringContaining('note a failover of Redis can lose')])
})
