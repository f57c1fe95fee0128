import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig, readConfig } from '../../../../src/app/config/load.ts'

const URL = 'mysql://bingo:s3cret@db1:3307'
let cwd: string

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'bingo-sources-'))
  mkdirSync(join(cwd, 'config'))
})

afterEach(() => rmSync(cwd, { recursive: true }))

function write(yaml: string): void {
  writeFileSync(join(cwd, 'config/bingo.yaml'), yaml)
}

function problems(env: Record<string, string> = {}) {
  return readConfig({ env, cwd, sourceRequired: true }).problems.map(({ code, message, location, hint }) => ({
    code,
    message,
    at: location && `${location.line}:${location.column}`,
    hint,
    excerpt: location?.excerpt,
  }))
}

test('each entry of sources has the settings of source, their defaults and its own name', () => {
  write(`sources:
  - {name: shop, url: "${URL}", onGap: latest}
  - name: crm_2
    host: db2
    user: reader
    password: "\${env:CRM}"
    start: earliest
    reconnect: {max: 5s}
`)
  const { config, warnings } = loadConfig({ env: { CRM: 'pass' }, cwd, sourceRequired: true })
  expect(warnings).toEqual([])
  expect(config.sources).toMatchObject([
    { name: 'shop', host: 'db1', port: 3307, user: 'bingo', onGap: 'latest', startGiven: false, heartbeatMs: 10_000 },
    {
      name: 'crm_2',
      host: 'db2',
      port: 3306,
      user: 'reader',
      password: 'pass',
      onGap: 'stop',
      start: { tag: 'earliest' },
      startGiven: true,
      reconnect: { minMs: 100, maxMs: 5_000 },
    },
  ])
  expect(config.source).toBe(config.sources[0])
})

test('source is the short form of one source, named binlog', () => {
  const { config } = loadConfig({ env: { BINGO_SOURCE_URL: URL }, cwd, sourceRequired: true })
  expect(config.sources).toMatchObject([{ name: 'binlog', host: 'db1' }])
})

test.each([
  ['an empty list', 'sources: []\n', '1:1', 'the list is empty'],
  ['a key without a list', 'name: x\nsources:\n', '2:1', 'the list is empty'],
  ['source beside sources', `source: {start: latest}\nsources: [{name: a, url: "${URL}"}]\n`, '2:1', 'both given'],
  [
    'a name twice',
    `sources:\n  - {name: a, url: "${URL}"}\n  - {name: a, url: "${URL}"}\n`,
    '3:12',
    'have the name "a"',
  ],
  ['a name with a dot', `sources:\n  - {name: a.b, url: "${URL}"}\n`, '2:12', '"a.b" is not a valid name'],
  ['a name that is a list', `sources:\n  - {name: [a], url: "${URL}"}\n`, '2:12', 'not a valid name'],
  ['a name that is too long', `sources:\n  - {name: ${'a'.repeat(65)}, url: "${URL}"}\n`, '2:12', 'not a valid name'],
  ['no name', `sources:\n  - {url: "${URL}"}\n`, '2:5', 'has no name'],
])('%s is refused where it stands', (_title, yaml, at, message) => {
  write(yaml)
  const [first, ...more] = problems()
  expect(more).toEqual([])
  expect(first).toMatchObject({ code: 'BINGO_CONFIG_SOURCES', at, message: expect.stringContaining(message) })
  expect(first?.excerpt).toBeUndefined()
})

test.each(['BINGO_SOURCE_URL', 'BINGO_SOURCE_PASSWORD', 'BINGO_SOURCE_RECONNECT_MAX'])(
  'the variable %s sets the short form only, and is refused beside sources',
  (variable) => {
    write(`sources: [{name: a, url: "${URL}"}]\n`)
    const value = { BINGO_SOURCE_URL: URL, BINGO_SOURCE_PASSWORD: 'x', BINGO_SOURCE_RECONNECT_MAX: '40s' }[variable]!
    expect(problems({ [variable]: value })).toMatchObject([
      { code: 'BINGO_CONFIG_SOURCES', at: '1:1', message: expect.stringContaining(variable) },
    ])
  },
)

test.each([
  ['sources: {name: a}\n', 'BINGO_CONFIG_TYPE', '1:10', 'must be a list'],
  ['sources: [a]\n', 'BINGO_CONFIG_TYPE', '1:11', 'must be a map'],
  [`sources:\n  - {name: a, url: "${URL}", hearbeat: 1s}\n`, 'BINGO_CONFIG_UNKNOWN_KEY', undefined, 'hearbeat'],
  [`sources:\n  - {name: a, url: "${URL}"}\n  - {name: b}\n`, 'BINGO_CONFIG_MISSING', '3:5', 'source b: source.url'],
  ['sources:\n  - {name: b, host: db}\n', 'BINGO_CONFIG_MISSING', '2:5', 'source b: the database user'],
  [
    `sources:\n  - {name: b, url: "${URL}", heartbeat: 1}\n`,
    'BINGO_CONFIG_VALUE',
    undefined,
    'source b: source.heartbeat',
  ],
  [
    `sources:\n  - {name: b, url: "${URL}", reconnect: {min: 2s, max: 1s}}\n`,
    'BINGO_CONFIG_VALUE',
    undefined,
    'source b: source.reconnect.min',
  ],
  [
    'sources:\n  - {name: b, user: u, host: h, password: "${env:NOT_SET}"}\n',
    'BINGO_CONFIG_SECRET',
    undefined,
    'source b: source.password',
  ],
])('what is wrong in an entry is reported with its name and place: %j', (yaml, code, at, message) => {
  write(yaml)
  const [first, ...more] = problems()
  expect(more).toEqual([])
  expect(first).toMatchObject({ code, message: expect.stringContaining(message) })
  expect(first?.at).toMatch(at ?? /^2:\d+$/)
})

test('a lock on the first source cannot be the lease when it has several hosts', () => {
  write(`checkpoint: {store: "redis://cache"}
standby: {lease: mysql}
sources: [{name: a, url: "${URL}", hosts: [db1, db2]}, {name: b, url: "${URL}"}]
`)
  expect(problems()).toMatchObject([{ code: 'BINGO_CONFIG_STANDBY' }])
})
