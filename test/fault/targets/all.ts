import { startGrpc, startWebhook } from './http.ts'
import { startKafkaTopic } from './kafka.ts'
import { startLogFile } from './log.ts'
import { startNatsStream } from './nats.ts'
import type { StartOutlet } from './outlet.ts'
import { startRabbitmqQueue } from './rabbitmq.ts'
import { startRedisList, startRedisSet, startRedisStream } from './redis.ts'
import { startSqlTable } from './sql.ts'

/** Every kind of target, by the name that picks it on the command line. */
export const OUTLETS: ReadonlyMap<string, StartOutlet> = new Map([
  ['redis-set', startRedisSet],
  ['redis-list', startRedisList],
  ['redis-stream', startRedisStream],
  ['kafka', startKafkaTopic],
  ['rabbitmq', startRabbitmqQueue],
  ['nats', startNatsStream],
  ['webhook', () => startWebhook()],
  ['webhook-threads', () => startWebhook(2)],
  ['grpc', () => startGrpc()],
  ['grpc-threads', () => startGrpc(2)],
  ['sql', startSqlTable],
  ['log', startLogFile],
])
