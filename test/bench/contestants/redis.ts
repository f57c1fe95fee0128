// oxlint-disable-next-line no-restricted-imports -- the client alone is what we compare with
import { Redis } from 'ioredis'
import type { ChainableCommander } from 'ioredis'
import { startRedis } from '../../support/servers/redis.ts'
import { BODY, inPieces, json } from './contestant.ts'
import type { Contestant } from './contestant.ts'

const ROWS = 200_000
const PIPELINE = 1_000
const IN_FLIGHT = 2

/** Pipelines of single commands, as an application would write them. */
export const REDIS: readonly Contestant[] = [
  contestant('redis DEL', 'cmd: DEL, key: "cache:user:{{id}}"', (pipeline, id) => pipeline.del(`cache:user:${id}`)),
  contestant('redis SET', `cmd: SET, key: "cache:user:{{id}}", value: ${BODY}`, (pipeline, id) =>
    pipeline.set(`cache:user:${id}`, json(id)),
  ),
  contestant(
    'redis XADD',
    'cmd: XADD, key: changes, maxlen: 10000, fields: {id: "{{id}}", event: "{{event.id}}"}',
    (pipeline, id) =>
      pipeline.xadd('changes', 'MAXLEN', '~', 10_000, '*', 'id', id, 'event', `3e11fa47-71ca-11e1-9e33:42/${id}`),
  ),
]

function contestant(
  name: string,
  command: string,
  add: (pipeline: ChainableCommander, id: number) => unknown,
): Contestant {
  return {
    name,
    rows: ROWS,
    async start() {
      const server = await startRedis({ args: ['--save', '', '--appendonly', 'no'] })
      const client = new Redis(server.port, server.host)
      return {
        action: `{type: redis, url: "${server.url}", ${command}}`,
        bare: (rows) =>
          inPieces(rows, PIPELINE, IN_FLIGHT, (from, to) => {
            const pipeline = client.pipeline()
            for (let id = from; id < to; id++) add(pipeline, id)
            return pipeline.exec()
          }),
        async [Symbol.asyncDispose]() {
          client.disconnect()
          await server.stop()
        },
      }
    },
  }
}
