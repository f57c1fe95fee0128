// Ways of deleting many keys over one connection, CPU seconds of this process first: `node test/bench/redis-unlink.ts [keys]`.
// oxlint-disable-next-line no-restricted-imports -- compares the client's own ways with ours
import { Redis } from 'ioredis'
import { CommandWriter } from '../../src/targets/redis/command-writer.ts'
import { RawCommand } from '../../src/targets/redis/raw-command.ts'
import { startRedis } from '../support/servers/redis.ts'

const KEYS = Number(process.argv[2] ?? 1_000_000)
const PER_COMMAND = 1_000
const IN_FLIGHT = 2

type Way = (redis: Redis, keys: string[]) => Promise<unknown>

const WAYS: { readonly [name: string]: Way } = {
  'pipeline of single UNLINK': (redis, keys) => {
    const pipeline = redis.pipeline()
    for (const key of keys) pipeline.unlink(key)
    return pipeline.exec()
  },
  'unlink(keys)': (redis, keys) => redis.unlink(keys),
  'own encoding': async (redis, keys) => {
    const writer = new CommandWriter()
    writer.removal('UNLINK', new Set(keys))
    return redis.sendCommand(new RawCommand('unlink', writer.take()))
  },
}

await using server = await startRedis()
const redis = new Redis(server.port, server.host)
for (const [name, way] of Object.entries(WAYS)) {
  await redis.eval("for i = 0, ARGV[1] - 1 do redis.call('SET', 'cache:user:' .. i, 'x') end", 0, KEYS)
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < KEYS) {
        const keys: string[] = []
        while (keys.length < PER_COMMAND && next < KEYS) keys.push(`cache:user:${next++}`)
        await way(redis, keys)
      }
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const cpuSeconds = (user + system) / 1e6
  if ((await redis.dbsize()) !== 0) throw new Error(`${name} left keys behind`)
  console.log(
    `${name.padEnd(28)} ${Math.round(KEYS / seconds).toLocaleString()} keys/s, ` +
      `${Math.round(KEYS / cpuSeconds).toLocaleString()} keys per CPU second`,
  )
}
redis.disconnect()
