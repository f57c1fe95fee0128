export { startRedisServer as startRedis } from '../../../src/demo/servers/redis.ts'
export type { RedisServer } from '../../../src/demo/servers/redis.ts'
