import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { Fleet } from '../support/scale/fleet.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startPostgres } from '../support/servers/postgres.ts'
import { startRedis } from '../support/servers/redis.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { bingo, ndjson } from './cli-process.ts'

let mysql: Awaited<ReturnType<typeof startMysql>>
let redis: Awaited<ReturnType<typeof startRedis>>

beforeAll(async () => {
  ;[mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis({ args: ['--appendonly', 'yes'] })])
})

afterAll(() => Promise.all([mysql?.stop(), redis?.stop()]))

const IDS = [1, 2, 3, 4, 5, 6]

test.each([
  ['postgres', startPostgres],
  ['mysql', startMysql],
  ['mariadb', startMariadb],
] as const)(
  'a worker, the reader and the server are killed, with the state in %s: parked keys, dead letters and spools go on elsewhere',
  async (kind, start) => {
    await using server = await start()
    if ('query' in server) await server.query('CREATE DATABASE state')
    const state = 'query' in server ? Object.assign(new URL(server.url), { pathname: '/state' }).href : server.url
    await using slow = await WebhookReceiver.start()
    slow.answer = () => 503
    const name = `state_${kind}`
    const rules = (receiver: string): string => `
  - {id: refused, table: ${name}.refused, actions: [{type: webhook, url: "${receiver}/refused", body: {id: "{{id}}", v: "{{v}}"}, onFailure: park}]}
  - {id: spooled, table: ${name}.spooled, actions: [{type: webhook, url: "${slow.url}/spooled", body: {id: "{{id}}", v: "{{v}}"}}]}
`
    const env = { BINGO_SPOOL_AFTER: '1s' }
    const through = `${redis.url}/1?prefix=${name}`
    await using fleet = await Fleet.prepare({ mysql, redis, state, name, through, rules, env })
    await mysql.query(`CREATE TABLE ${name}.refused (id INT PRIMARY KEY, v INT)`)
    await mysql.query(`CREATE TABLE ${name}.spooled (id INT PRIMARY KEY, v INT)`)
    const set = (table: string, v: number) =>
      mysql.query(
        `INSERT INTO ${name}.${table} VALUES ${IDS.map((id) => `(${id}, ${v})`).join()} ON DUPLICATE KEY UPDATE v = ${v}`,
      )
    fleet.receiver.answer = (body) => ((JSON.parse(body) as { v?: number }).v === 1 ? 400 : 204)
    const reader = await fleet.start('reader')
    const [one, two] = [await fleet.start('worker'), await fleet.start('worker')]
    await eventually('both have a part', async () => (await fleet.shares(one)) === 4 && (await fleet.shares(two)) === 4)
    await set('refused', 1)
    for (const v of [1, 2, 3]) await set('spooled', v)
    await eventually('all are dead letters', async () => (await two.metric('bingo_dead_letters')) === 6)
    const spool = `bingo_spool_events{target="webhook ${slow.url}"}`
    const spooled = async (): Promise<number> => {
      const counts = await Promise.all([one, two].map((worker) => worker.metric(spool).catch(() => 0)))
      return counts.reduce((sum: number, count) => sum + (count ?? 0), 0)
    }
    await eventually('all of the other rule wait', async () => (await spooled()) === 18)

    await one.stop('SIGKILL')
    await eventually('the other has all of them', async () => (await fleet.shares(two)) === 8)
    await set('refused', 2)
    await eventually('they have joined what is parked', async () => (await two.metric('bingo_dead_letters')) === 12)
    await eventually('the other has what waits', async () => (await two.metric(spool)) === 18)

    await server.kill('SIGKILL')
    await reader.stop('SIGKILL')
    await fleet.write(60)
    await server.restart()
    reader.spawn()
    one.spawn()
    await Promise.all([reader.ready(), one.ready()])
    await fleet.write(60)
    await fleet.allArrived()
    expect(fleet.receiver.requests.filter(({ path, status }) => path === '/refused' && status < 300)).toEqual([])

    slow.answer = () => 204
    await eventually('what was spooled arrives', () => newestOf(slow).size === 6 && isAll(newestOf(slow), 3))
    fleet.receiver.answer = () => 204
    const retried = await bingo(['dead-letters', 'retry', '--all'], { env: fleet.envOf(reader) })
    expect(retried.code).toBe(0)
    expect(firsts(fleet.receiver, '/refused')).toEqual(IDS.flatMap((id) => [`${id}:1`, `${id}:2`]))
    // Behind a kill events may come again, but never ahead of one that was committed before.
    expect(firsts(slow, '/spooled')).toEqual(IDS.flatMap((id) => [`${id}:1`, `${id}:2`, `${id}:3`]))
    const listed = await bingo(['dead-letters', 'list', '--json'], { env: fleet.envOf(reader) })
    expect(ndjson(listed.stdout)).toEqual([])
    const { stdout } = await bingo(['position', 'show'], { env: fleet.envOf(reader) })
    expect(stdout).toContain('state')
    expect(await Promise.all([one, two, reader].map((daemon) => daemon.stop()))).toEqual([0, 0, 0])
    expect(fleet.verdict()).toMatchObject({ lost: [], disordered: [], phantoms: [] })
  },
  600_000,
)

function accepted(receiver: WebhookReceiver, path: string): readonly { id: number; v: number }[] {
  return receiver.requests
    .filter((request) => request.path === path && request.status < 300)
    .map(({ body }) => JSON.parse(body) as { id: number; v: number })
}

function newestOf(receiver: WebhookReceiver): Map<number, number> {
  return new Map(accepted(receiver, '/spooled').map(({ id, v }) => [Number(id), Number(v)]))
}

function isAll(newest: ReadonlyMap<number, number>, v: number): boolean {
  return [...newest.values()].every((each) => each === v)
}

/** What came for the first time, by row, in the order in which it came. */
function firsts(receiver: WebhookReceiver, path: string): readonly string[] {
  const names = [...new Set(accepted(receiver, path).map(({ id, v }) => `${id}:${v}`))]
  return names.toSorted((a, b) => Number(a.split(':')[0]) - Number(b.split(':')[0]))
}
