import { startRedis } from '../../support/servers/redis.ts'
import { arrivalOf, arrivalOfJson, breakable, NOTE } from './outlet.ts'
import type { Outlet } from './outlet.ts'
import type { Arrival } from '../checker.ts'

/** Everything that Redis has answered is in its append-only file: what a kill loses would be our loss. */
const DURABLE = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']

type Server = Awaited<ReturnType<typeof startRedis>>

/** Keys may hold anything, line breaks too, so they are read on the server. */
const ALL_VALUES = `local found = {}
for _, key in ipairs(redis.call('KEYS', 'row:*')) do found[#found + 1] = redis.call('GET', key) end
return found`

/** A cache: one key per row, with its newest state. */
export function startRedisSet(): Promise<Outlet> {
  return start('redis SET', 'state', `cmd: SET, key: "row:{{id}}", value: ${NOTE}`, async (server) =>
    lines(await server.cli('--raw', 'EVAL', ALL_VALUES, '0')).map(arrivalOfJson),
  )
}

export function startRedisList(): Promise<Outlet> {
  return start('redis RPUSH', 'history', `cmd: RPUSH, key: arrivals, value: ${NOTE}`, async (server) =>
    lines(await server.cli('--raw', 'LRANGE', 'arrivals', '0', '-1')).map(arrivalOfJson),
  )
}

export function startRedisStream(): Promise<Outlet> {
  return start('redis XADD', 'history', `cmd: XADD, key: arrivals, fields: ${NOTE}`, async (server) => {
    const entries = JSON.parse(await server.cli('--json', 'XRANGE', 'arrivals', '-', '+')) as [string, string[]][]
    // The fields in the order of the rule, each with its name before it.
    return entries.map(([, [, key = '', , seq = '', , id = '']]) => arrivalOf({ key, seq, id }))
  })
}

async function start(
  name: string,
  keeps: Outlet['keeps'],
  command: string,
  read: (server: Server) => Promise<Arrival[]>,
): Promise<Outlet> {
  const server = await startRedis({ args: DURABLE })
  return {
    name,
    keeps,
    action: `{type: redis, url: "${server.url}", ${command}}`,
    ...breakable(server),
    arrivals: () => read(server),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}
