import { startRedis } from '../../support/servers/redis.ts'
import { arrivalOfJson, breakable, NOTE } from './outlet.ts'
import type { Outlet } from './outlet.ts'
import type { Arrival } from '../checker.ts'

/** Everything that Redis has answered is in its append-only file: what a kill loses would be our loss. */
const DURABLE = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']

type Server = Awaited<ReturnType<typeof startRedis>>

/** A cache: one key per row, with its newest state. */
export function startRedisSet(): Promise<Outlet> {
  return start('redis SET', 'state', `cmd: SET, key: "row:{{id}}", value: ${NOTE}`, async (server) => {
    const keys = lines(await server.cli('--raw', 'KEYS', 'row:*'))
    return keys.length === 0 ? [] : lines(await server.cli('--raw', 'MGET', ...keys)).map(arrivalOfJson)
  })
}

export function startRedisList(): Promise<Outlet> {
  return start('redis RPUSH', 'history', `cmd: RPUSH, key: arrivals, value: ${NOTE}`, async (server) =>
    lines(await server.cli('--raw', 'LRANGE', 'arrivals', '0', '-1')).map(arrivalOfJson),
  )
}

export function startRedisStream(): Promise<Outlet> {
  const fields = '{note: "{{id}} {{new.seq}} {{event.id}}"}'
  return start('redis XADD', 'history', `cmd: XADD, key: arrivals, fields: ${fields}`, async (server) =>
    // An entry is three lines: its place, the field's name, its value.
    lines(await server.cli('--raw', 'XRANGE', 'arrivals', '-', '+'))
      .filter((_, index) => index % 3 === 2)
      .map((note) => {
        const [key = '', seq, id = ''] = note.split(' ')
        return { key, seq: Number(seq), id }
      }),
  )
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
