import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Status } from '../../src/ops/status.ts'
import { besides, Daemon, eventually } from '../support/daemon.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { bingo } from './cli-process.ts'

const SOURCES = ['shop', 'crm'] as const
let servers: SqlServer[]

beforeAll(async () => {
  servers = await Promise.all(SOURCES.map(() => startMysql({ gtid: true })))
  for (const server of servers) {
    await server.query('CREATE DATABASE app')
    await server.query('CREATE TABLE app.users (id INT PRIMARY KEY)')
  }
})

afterAll(() => Promise.all(servers.map((server) => server.stop())))

function configOf(sources: readonly (readonly [name: string, server: SqlServer])[]): string {
  return `sources:\n${sources.map(([name, { url }]) => `  - {name: ${name}, url: "${url}"}\n`).join('')}`
}

/** A daemon that reads both servers; its options make commands beside it read the same configuration. */
async function prepare(receiver: WebhookReceiver): Promise<Daemon> {
  const rules = `rules: [{id: all, table: app.users, actions: [{type: webhook, url: "${receiver.url}/{{id}}"}]}]`
  const env: Record<string, string> = {}
  // An empty variable counts as not set.
  const daemon = await Daemon.prepare({ rules, sourceUrl: '', env })
  env['BINGO_CONFIG'] = join(daemon.folder, 'bingo.yaml')
  await writeFile(
    env['BINGO_CONFIG'],
    configOf([
      ['shop', servers[0]!],
      ['crm', servers[1]!],
    ]),
  )
  return daemon
}

test('one daemon reads two servers, and after kill -9 each resumes at its own position', async () => {
  const [shop, crm] = servers as [SqlServer, SqlServer]
  await using receiver = await WebhookReceiver.start()
  await using daemon = await prepare(receiver)
  const env = besides(daemon)
  const got = (id: number): boolean => receiver.requests.some(({ path }) => path === `/${id}`)
  const status = async () => JSON.parse((await daemon.get('/status')).text) as Status
  const shown = async (...options: string[]) => {
    const { stdout } = await bingo(['position', 'show', '--json', ...options], { env })
    return JSON.parse(stdout) as { position: { gtidSet: string }; server: { server: string } }
  }
  const uuidOf = async (server: SqlServer) => String(Object.values((await server.query('SELECT @@server_uuid'))[0]!)[0])

  daemon.spawn()
  await daemon.ready()
  await shop.query('INSERT INTO app.users VALUES (1)')
  await crm.query('INSERT INTO app.users VALUES (2)')
  await crm.query('INSERT INTO app.users VALUES (3)')
  await eventually('rows of both servers', () => got(1) && got(2) && got(3))
  await daemon.stop('SIGKILL')
  await shop.query('INSERT INTO app.users VALUES (11)')
  await crm.query('INSERT INTO app.users VALUES (12)')
  daemon.spawn()
  await daemon.ready()
  await eventually('rows written meanwhile', () => got(11) && got(12))

  const uuids = [await uuidOf(shop), await uuidOf(crm)] as const
  await eventually('both positions are saved', async () => {
    const { sources } = await status()
    return sources!.every(({ checkpoint, caughtUp }) => caughtUp && checkpoint.savedAt !== null)
  })
  expect((await status()).sources).toMatchObject([
    {
      name: 'shop',
      address: `${shop.host}:${shop.port}`,
      checkpoint: { position: { gtidSet: expect.stringContaining(uuids[0]) } },
    },
    {
      name: 'crm',
      address: `${crm.host}:${crm.port}`,
      checkpoint: { position: { gtidSet: expect.stringContaining(uuids[1]) } },
    },
  ])
  const idOf = (id: number) =>
    (JSON.parse(receiver.requests.find(({ path }) => path === `/${id}`)!.body) as { id: string }).id
  expect(idOf(1).startsWith(`${uuids[0]}:`)).toBe(true)
  expect(idOf(2).startsWith(`crm:${uuids[1]}:`)).toBe(true)
  await daemon.shows('bingo_source_connected{source="crm"}', 1)
  expect((await bingo(['status'], { env })).stdout).toMatch(/position +crm: /)
  expect(await shown()).toEqual(await shown('--source', 'shop'))
  expect((await shown()).position.gtidSet).toContain(uuids[0])
  expect((await shown('--source', 'crm')).position.gtidSet).toContain(uuids[1])
  const unknown = await bingo(['position', 'show', '--source', 'crn'], { env })
  expect(unknown.stderr).toContain('BINGO_SOURCE_UNKNOWN')
  expect(unknown.stderr).toContain('Did you mean "crm"?')

  expect(await daemon.stop()).toBe(0)
  const before = await shown()
  await crm.query('INSERT INTO app.users VALUES (20)')
  await shop.query('INSERT INTO app.users VALUES (21)')
  const set = await bingo(['position', 'set', 'latest', '--source', 'crm'], { env })
  expect(set).toMatchObject({ code: 0, stdout: expect.stringContaining(uuids[1]) })
  expect(await shown()).toEqual(before)
  await crm.query('INSERT INTO app.users VALUES (22)')
  daemon.spawn()
  await eventually('rows behind the positions', () => got(21) && got(22))
  expect(got(20)).toBe(false)
  expect(await daemon.stop()).toBe(0)

  await writeFile(
    daemon.options.env!['BINGO_CONFIG']!,
    configOf([
      ['crm', crm],
      ['shop', shop],
    ]),
  )
  daemon.spawn()
  expect(await daemon.ended()).toBe(3)
  expect(daemon.output()).toContain('BINGO_CHECKPOINT_ORDER')
})
