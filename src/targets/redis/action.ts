import type { RedisConnection } from '../../clients/redis/redis.ts'
import type { ActionType, TargetContext } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import { CONNECTION_AGE_FIELD } from '../plan/connection-age.ts'
import { COALESCED_BY_DEFAULT } from './commands.ts'
import { compileRedis } from './compile.ts'
import type { RedisActionOptions, RedisTargetOptions } from './options.ts'

/** A Redis that is not there by then counts as down, and is tried again. */
const OPEN_TIMEOUT_MS = 5_000
/** A connection that owes a reply for so long is given up, whatever `timeout` an action has. */
const LONGEST_WAIT_MS = 30_000

/** `type: redis`: one command of an allowlist per event. */
export const redis: ActionType = {
  type: 'redis',
  fields: {
    url: {
      kind: 'string',
      doc: 'Address: redis://, rediss://, sentinel:// or redis+cluster://. Default: `redis.url`.',
    },
    cmd: { kind: 'string', required: true, doc: 'The command: DEL, UNLINK, SET, EXPIRE, HSET, HDEL, INCRBY, LPUSH, …' },
    key: { kind: 'template', doc: 'The key. An empty or NULL value is an error.' },
    keys: { kind: 'templateList', doc: 'Several keys, for DEL and UNLINK.' },
    value: {
      kind: 'structure',
      doc: 'Value of SET, LPUSH, RPUSH, HSET with `field`; increment of INCRBY (default 1).',
    },
    args: {
      kind: 'templateList',
      whole: true,
      doc: 'Further values, members or field/value pairs, for commands that take several; or one expression that gives them.',
    },
    field: { kind: 'template', doc: 'Field of a hash, for HSET and HDEL.' },
    fields: {
      kind: 'templateMap',
      whole: true,
      doc: 'Fields and values, for HSET and XADD, or one expression that gives them: {{new}}. XADD without it: `event` with the event.',
    },
    nulls: {
      kind: 'enum',
      values: ['omit', 'empty', 'skip'],
      doc: 'NULLs of `fields: {{new}}`: `omit` (the default) or `empty`; `skip` leaves entries of `keys` out.',
    },
    member: { kind: 'template', doc: 'Member of a set or sorted set.' },
    score: { kind: 'structure', doc: 'Score of ZADD: a number.' },
    ttl: { kind: 'duration', doc: 'Time to live, for SET and EXPIRE.' },
    nx: { kind: 'boolean', doc: 'SET only if the key does not exist.' },
    xx: { kind: 'boolean', doc: 'SET only if the key exists.' },
    channel: { kind: 'template', doc: 'Channel of PUBLISH.' },
    message: { kind: 'structure', doc: 'Message of PUBLISH. Default: the event.' },
    exactlyOnce: {
      kind: 'boolean',
      doc: 'Applies the effect of an event exactly once, also after a crash: INCRBY, LPUSH, RPUSH, XADD, ZADD INCR. Not on a Cluster.',
    },
    maxConnectionAge: CONNECTION_AGE_FIELD,
    maxlen: { kind: 'integer', doc: 'XADD: approximate number of entries that the stream keeps.' },
  },
  targetFields: ['url', 'maxConnectionAge'],
  defaultCoalesce: (spec) => {
    const converges = COALESCED_BY_DEFAULT.has((spec.string('cmd') ?? '').toUpperCase())
    // With NX the first one counts, not the newest.
    return converges && spec.boolean('nx') !== true ? 'latest' : 'none'
  },
  compile: compileRedis,
  async inspect({ target, options }, context) {
    const connection = await connect(target, context)
    try {
      if (!(options as RedisActionOptions).exactlyOnce) return []
      const { isCluster, onCluster } = await import('./on-cluster.ts')
      return (await isCluster(connection.client)) ? [onCluster()] : []
    } finally {
      await connection.close()
    }
  },
  async remembers(target, name, context) {
    const connection = await connect(target, context)
    try {
      const { appliedKey } = await import('./once/once-record.ts')
      const key = appliedKey(name)
      const found = await connection.client.exists(`${key}:epoch`)
      return found === 0 ? null : `effects of earlier runs (exactlyOnce) are recorded in ${connection.address} ${key}`
    } finally {
      await connection.close()
    }
  },
  async open(target, context) {
    const [connection, { RedisTarget }] = await Promise.all([connect(target, context), import('./target.ts')])
    const { maxConnectionAgeMs } = target.options as RedisTargetOptions
    return new RedisTarget(connection, maxConnectionAgeMs, context.run ?? null)
  },
}

/** Rejects with BINGO_REDIS_UNREACHABLE. */
async function connect(target: TargetConfig, { log }: TargetContext): Promise<RedisConnection> {
  const { openRedis } = await import('../../clients/redis/redis.ts')
  const { url } = target.options as RedisTargetOptions
  const connection = openRedis(url, {
    log,
    name: target.id.replaceAll(/[^\w.:@-]/g, '_'),
    commandTimeoutMs: LONGEST_WAIT_MS,
    socketTimeoutMs: LONGEST_WAIT_MS,
  })
  try {
    await connection.whenReady(OPEN_TIMEOUT_MS)
    return connection
  } catch (error) {
    await connection.close()
    throw error
  }
}
