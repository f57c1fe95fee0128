import type { RedisConnection } from '../../src/clients/redis/redis.ts'

/** A connection behind each of whose first answers somebody else does something before the next command is sent. */
export function interleaved(redis: RedisConnection, steps: (() => Promise<unknown>)[]): RedisConnection {
  const run: RedisConnection['run'] = async (work, named) => {
    const answer = await redis.run(work, named)
    await steps.shift()?.()
    return answer
  }
  return new Proxy(redis, {
    get(target, property) {
      if (property === 'run') return run
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
