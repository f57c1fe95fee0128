import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig, readConfig } from '../../../../src/app/config/load.ts'

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'bingo-events-config-'))
})
afterAll(() => rmSync(cwd, { recursive: true }))

const TOKEN = 'x'.repeat(20)

function load(yaml: string, env: { readonly [name: string]: string } = {}) {
  writeFileSync(join(cwd, 'bingo.yaml'), yaml)
  return loadConfig({ file: 'bingo.yaml', env, cwd, sourceRequired: 'unless events' }).config
}

function problems(yaml: string, env: { readonly [name: string]: string } = {}) {
  writeFileSync(join(cwd, 'bingo.yaml'), yaml)
  const { problems: found } = readConfig({ file: 'bingo.yaml', env, cwd, sourceRequired: 'unless events' })
  return found.map(({ code, message, location }) => ({ code, message, line: location?.line }))
}

describe('events', () => {
  test.each(['events:\n', 'events: {}\n', 'events: {limits: {rate: 5}}\n'])(
    '%j turns them on, without a source',
    (yaml) => {
      const { events, sources } = load(`name: shop\ncheckpoint: {store: file:/var/lib/x/checkpoint}\n${yaml}`)
      expect(events).toMatchObject({
        store: 'file:/var/lib/x/shop.events',
        environments: ['default'],
        retentionMs: 604_800_000,
      })
      expect(sources).toEqual([])
    },
  )

  test('a variable turns them on as well, and a source stays one', () => {
    const env = { BINGO_EVENTS_STORE: 'memory:', BINGO_SOURCE_URL: 'mysql://u:p@db' }
    const { events, sources } = load('name: a\n', env)
    expect([events?.store, sources.length]).toEqual(['memory:', 1])
  })

  test('without a word of them they are off, and a source is required', () => {
    expect(problems('name: a\n')).toMatchObject([{ code: 'BINGO_CONFIG_MISSING' }])
    expect(load('source: {url: "mysql://u:p@db"}\n').events).toBeNull()
  })

  test('an engine has an index beside the state, or where it is told; nothing else has one', () => {
    const at = 'name: shop\ncheckpoint: {store: file:/var/lib/x/checkpoint}\n'
    expect(load(`${at}events: {store: "nats://n/log"}`).events).toMatchObject({ index: 'file:/var/lib/x/shop.events' })
    const index = 'postgres://u:p@db/bingo'
    expect(load(`${at}events: {store: "nats://n/log", index: "${index}"}`).events).toMatchObject({ index })
    expect(
      load(
        `${at}checkpoint: {store: "memory:"}\nevents: {store: "nats://n/log"}`.replace(
          /checkpoint.*x.checkpoint}\n/,
          '',
        ),
      ).events,
    ).toMatchObject({
      index: 'file:/var/lib/bingo/shop.events',
    })
    expect(load(`${at}events: {}`).events).toMatchObject({ index: null })
  })

  test.each([
    ['events: {index: "file:/x"}', 'events.index: the store of events needs no index beside it'],
    ['events: {store: "nats://n/log", index: "memory:"}', 'events.index: not an index of events'],
    ['events: {store: "nats://n/log", index: "nats://n/other"}', 'events.index: not an index of events'],
    ['events: {store: "nats://n/a.b"}', '"a.b" is not a valid name of a stream'],
    ['events: {store: "kafka://x:1/a b"}', '"a b" is not a valid name of a topic'],
    ['events: {store: "mysql://db/x?ssl=true"}', '?ssl is not an option'],
    ['events: {store: "ftp://x"}', 'events.store: not a valid event store address'],
    ['events: {retention: 1h}', 'events.retention: "1h" is out of range'],
    ['events: {environments: ["a b"]}', 'events.environments: "a b" is not a valid environment'],
    ['events: {limits: {size: 1}}', '"size" is not a valid setting in "events.limits"'],
  ])('%s is refused with its place', (yaml, message) => {
    expect(problems(`name: a\n${yaml}\n`)).toMatchObject([{ message: expect.stringContaining(message), line: 2 }])
  })

  test('a server may not be called as posted events are', () => {
    const yaml = 'events: {}\nsources:\n  - {name: events, url: "mysql://u:p@db"}\n'
    expect(problems(yaml)).toMatchObject([{ code: 'BINGO_CONFIG_SOURCES', line: 3 }])
  })
})

describe('http.tokens', () => {
  test('have scopes and an environment, and their secrets come from elsewhere', () => {
    const yaml = `events: {environments: [live, next]}
http:
  tokens:
    - {token: "\${env:SHOP}", name: shop, scopes: [publish]}
    - {token: "${TOKEN}", environment: next}
`
    expect(load(yaml, { SHOP: TOKEN }).http.tokens).toEqual([
      { token: TOKEN, name: 'shop', scopes: ['publish'], environment: 'live' },
      { token: TOKEN, name: 'entry 2', scopes: ['publish', 'read'], environment: 'next' },
    ])
  })

  test('let the server listen elsewhere than on loopback', () => {
    const yaml = `events: {}\nhttp: {listen: "0.0.0.0:8686", tokens: [{token: "${TOKEN}"}]}\n`
    expect(load(yaml).http.listen?.host).toBe('0.0.0.0')
  })

  test.each([
    ['{token: short}', 'the token is not a text of at least 16'],
    [`{token: "${TOKEN}", scopes: [publsh]}`, '"publsh" is not a scope'],
    [`{token: "${TOKEN}", role: x}`, '"role" is not known'],
    [`{token: "${TOKEN}", environment: other}`, 'there is no environment "other"'],
    ['text', 'entry 1 is not a map'],
  ])('%s is refused, and never quoted', (token, message) => {
    const found = problems(`events: {}\nhttp: {tokens: [${token}]}\n`)
    expect(found).toMatchObject([{ message: expect.stringContaining(message), line: 2 }])
    expect(JSON.stringify(found)).not.toContain(TOKEN)
  })

  test('a secret that is not there is named', () => {
    const found = problems('events: {}\nhttp: {tokens: [{token: "${env:NOT_THERE}"}]}\n')
    expect(found).toMatchObject([{ code: 'BINGO_CONFIG_SECRET', line: 2 }])
  })
})

test('an event store needs no source where it is followed, and one where it is not', () => {
  const url = 'mysql://app:secret@db/shop'
  expect(load(`eventStore: {url: "${url}", follow: earliest}\n`)).toMatchObject({
    eventStore: { url, follow: 'earliest', read: 'sql' },
    sources: [],
  })
  expect(problems(`eventStore: {url: "${url}"}\n`)).toMatchObject([{ code: 'BINGO_CONFIG_MISSING' }])
  const sources = 'sources:\n  - {name: event-store, url: "mysql://u:p@db"}\n'
  const taken = problems(`eventStore: {url: "${url}", follow: latest}\n${sources}`)
  expect(taken).toMatchObject([{ code: 'BINGO_CONFIG_SOURCES', line: 3 }])
})

test.each([
  ['eventStore: {follow: latest}', 'eventStore.url is missing'],
  ['eventStore: {url: "ftp://x"}', 'not the address of an event store: its scheme is not known'],
  ['eventStore: {url: "mysql://app:secret@db"}', 'the name of the database is missing'],
  ['eventStore: {url: "file:a.db", follow: earliest, read: binlog}', 'only a MySQL or MariaDB server has a binlog'],
  ['eventStore: {url: "mysql://db/x", follow: latest, read: binlog}', 'there is no source whose binlog is read'],
])('refuses %s', (yaml, message) => {
  const found = problems(`events: {}\n${yaml}\n`)
  expect(found).toMatchObject([{ message: expect.stringContaining(message), line: 2 }])
  expect(JSON.stringify(found)).not.toContain('secret')
})

describe('Files of the state, of posted events and of an event store', () => {
  test.each([
    ['events: {store: "file:/a/b"}', 'events.store is the file of checkpoint.store, which holds the state'],
    [
      'eventStore: {url: "file:/a/b", follow: latest}',
      'eventStore.url is the file of checkpoint.store, which holds the state',
    ],
    [
      'events: {store: "nats://n:4222/s", index: "file:/a/b"}',
      'events.index is the file of checkpoint.store, which holds the state',
    ],
    [
      'deadLetters: {store: "file:/c"}\nevents: {store: "file:///c"}',
      'events.store is the file of deadLetters.store, which holds the state',
    ],
  ])('are not the same: %s', (yaml, message) => {
    const found = problems(`checkpoint: {store: "file:/a/b"}\n${yaml}\n`)
    expect(found).toMatchObject([{ code: 'BINGO_CONFIG_VALUE', message }])
  })

  test('may be in one folder, and everything of the state in one file', () => {
    const state = 'deadLetters: {store: "file:/a/b"}\nsagas: {store: "file:/a/b"}\n'
    expect(problems(`checkpoint: {store: "file:/a/b"}\n${state}events: {store: "file:/a/"}\n`)).toEqual([])
  })
})
