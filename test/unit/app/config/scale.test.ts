import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../../../src/app/config/load.ts'
import { withRole } from '../../../../src/app/scale/open.ts'
import { parseChangeLogAddress } from '../../../../src/log/changes/address.ts'

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'bingo-scale-config-'))
})
afterAll(() => rmSync(cwd, { recursive: true }))

const STATE = 'checkpoint: {store: "redis://state:6379/0"}\n'
const SOURCE = 'source: {url: "mysql://bingo:x@db:3306"}\n'

function read(yaml: string) {
  writeFileSync(join(cwd, 'bingo.yaml'), yaml)
  const { config, problems } = readConfig({ file: 'bingo.yaml', env: {}, cwd, sourceRequired: 'unless events' })
  return { config, problems: problems.map(({ code, message, location }) => `${location?.line} ${code} ${message}`) }
}

test.each([
  ['kafka://k1:9092,k2:9092/changes', 'kafka'],
  ['nats://n:4222', 'nats'],
  ['redis://log:6379/1', 'redis'],
  ['sentinel://s:26379/main', 'redis'],
])('changes go through %s', (through, tag) => {
  const { config, problems } = read(`${SOURCE}${STATE}scale: {through: "${through}"}\n`)
  expect(problems).toEqual([])
  expect(config.scale).toEqual({ through, role: 'all', shares: 16 })
  expect(parseChangeLogAddress(through).tag).toBe(tag)
})

test('an address without a name has one of its own, beside that of posted events', () => {
  expect(parseChangeLogAddress('kafka://k:9092')).toMatchObject({ topic: { topic: 'bingo-changes' } })
  expect(parseChangeLogAddress('nats://n:4222')).toMatchObject({ stream: { stream: 'bingo-changes' } })
  expect(parseChangeLogAddress('redis://r:6379')).toMatchObject({ redis: { prefix: 'changes' } })
})

test.each([
  ['file:/var/lib/x', 'a file is on one machine'],
  ['memory:', 'the memory of one process'],
  ['mysql://u:p@h/db', 'a SQL server cannot be'],
  ['amqp://h', 'its scheme is not known'],
  ['kafka://h:9092/a b', 'not a valid name of a topic'],
  ['redis://h:6379/1?replicas=x', 'replicas'],
])('%s is refused as what changes go through', (through, why) => {
  const { problems } = read(`${SOURCE}${STATE}scale: {through: "${through}"}\n`)
  expect(problems).toEqual([expect.stringContaining(why)])
  // It may hold a password.
  expect(problems[0]).not.toContain('u:p@h')
})

const SCALE = 'scale: {through: "redis://log:6379/1"}\n'
const BROKER = {
  kafka: 'topics: ["shop.*"]',
  nats: 'stream: shop, subjects: ["shop.*"]',
  redis: 'streams: [shop]',
} as const

test.each(['postgres', 'mysql', 'mariadb'])('reader and workers share the state in %s', (scheme) => {
  const store = `${scheme}://u:p@db/bingo`
  const { config, problems } = read(`${SOURCE}${SCALE}checkpoint: {store: "${store}"}\nstandby: {lease: redis}\n`)
  expect(problems).toEqual([])
  expect(config).toMatchObject({ checkpoint: { store }, standby: { lease: 'store' }, redis: { url: undefined } })
})

test.each([
  [`${SOURCE}${SCALE}`, 'undefined BINGO_CONFIG_SCALE checkpoint.store is on one machine'],
  [`${SOURCE}${SCALE}checkpoint: {store: "memory:"}\n`, '3 BINGO_CONFIG_SCALE checkpoint.store is on one machine'],
  [
    `${SOURCE}${SCALE}${STATE}deadLetters: {store: "file:x"}\n`,
    '4 BINGO_CONFIG_SCALE deadLetters.store is on one machine',
  ],
  [`${SOURCE}${SCALE}${STATE}standby: {lease: mysql}\n`, '4 BINGO_CONFIG_SCALE workers cannot have their leases'],
  [
    `${SOURCE}${SCALE}${STATE}events: {store: "file:x"}\n`,
    '4 BINGO_CONFIG_SCALE events.store (file:x) is on one machine',
  ],
  [`${SOURCE}${SCALE}${STATE}events: {}\n`, 'undefined BINGO_CONFIG_SCALE events.store (file:/var/lib/bingo'],
  [
    `${SOURCE}${SCALE}${STATE}events: {store: "nats://n:4222"}\n`,
    'undefined BINGO_CONFIG_SCALE events.index (file:/var/lib/bingo',
  ],
  [
    `${SOURCE}${SCALE}${STATE}sagas: {store: "file:y"}\n`,
    '4 BINGO_CONFIG_SCALE sagas.store (file:y) is on one machine',
  ],
  [`${SOURCE}${SCALE}${STATE}sagas: {store: "memory:"}\n`, '4 BINGO_CONFIG_SCALE sagas.store (memory:) is on one'],
  [`${SOURCE}${SCALE}${STATE}eventStore: {url: "file:x"}\n`, '4 BINGO_CONFIG_SCALE an event store does not go through'],
  ...(['kafka', 'nats', 'redis'] as const).map((type): [string, string] => [
    `sources:\n  - {name: db, url: "mysql://bingo:x@db:3306"}\n  - {name: orders, type: ${type}, url: "${type}://h", ${BROKER[type]}}\n${SCALE}${STATE}`,
    `3 BINGO_CONFIG_SCALE the source "orders" does not go through a reader: ${type} divides it`,
  ]),
  [`${SOURCE}${STATE}scale: {role: worker}\n`, '3 BINGO_CONFIG_SCALE scale.through is missing'],
])('%j is refused: %s', (yaml, problem) => {
  expect(read(yaml).problems).toEqual([expect.stringContaining(problem)])
})

test('sagas and posted events of a reader are kept where its standby reaches them', () => {
  const { config, problems } = read(
    `${SOURCE}${SCALE}${STATE}events: {store: "redis://log:6379/2"}\nsagas: {store: "postgres://u:p@db/sagas"}\n`,
  )
  expect(problems).toEqual([])
  expect(config).toMatchObject({ events: { store: 'redis://log:6379/2' }, sagas: { store: 'postgres://u:p@db/sagas' } })
})

test('a worker needs no source, and the role on the command line replaces that of the configuration', () => {
  const { config, problems } = read(`${STATE}scale: {through: "redis://log:6379/1", role: worker}\n`)
  expect(problems).toEqual([])
  expect(config.sources).toEqual([])
  expect(withRole(config, 'reader').scale).toMatchObject({ role: 'reader' })
  expect(withRole(config, undefined)).toBe(config)
  const { config: alone } = read(`${SOURCE}${STATE}`)
  expect(() => withRole(alone, 'reader')).toThrow('needs scale.through')
  expect(withRole(alone, 'all')).toBe(alone)
})

test('an address of a database that is none is refused with its place, and without its password', () => {
  const { problems } = read(`${SOURCE}${SCALE}checkpoint: {store: "postgres://u:secret@db/a/b"}\n`)
  expect(problems[0]).toBe(
    '3 BINGO_CONFIG_VALUE checkpoint.store: not a valid store address: the name of the database is missing',
  )
  expect(problems.join()).not.toContain('secret')
})
