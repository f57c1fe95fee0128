import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig, readConfig } from '../../../../src/app/config/load.ts'
import { dataOf } from '../../../../src/rules/yaml/tree.ts'
import { ProblemsError, type Problem } from '../../../../src/model/errors.ts'

const SOURCE = { BINGO_SOURCE_URL: 'mysql://bingo:s3cret@db:3307' }
let cwd: string

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'bingo-config-'))
  mkdirSync(join(cwd, 'config'))
})

afterEach(() => rmSync(cwd, { recursive: true }))

function write(yaml: string): void {
  writeFileSync(join(cwd, 'config/bingo.yaml'), yaml)
}

function load(env: Record<string, string> = SOURCE) {
  return loadConfig({ env, cwd, sourceRequired: true })
}

function problems(env: Record<string, string> = SOURCE): readonly Problem[] {
  try {
    return load(env).warnings
  } catch (error) {
    if (error instanceof ProblemsError) return error.problems
    throw error
  }
}

test('the address of the source is enough', () => {
  const { config, warnings } = load()
  expect(warnings).toEqual([])
  expect(config).toMatchObject({
    name: 'bingo',
    source: { host: 'db', port: 3307, user: 'bingo', password: 's3cret', start: { tag: 'latest' }, onGap: 'stop' },
    checkpoint: { store: 'file:/var/lib/bingo/checkpoint', intervalMs: 250 },
    redis: { url: undefined },
    rules: { patterns: ['rules/*.yaml'], baseDir: cwd },
    lanes: 16,
    budgetBytes: 16 * 2 ** 20,
    targetBudgetBytes: undefined,
    shutdown: { deadlineMs: 6_000 },
    http: { listen: { host: '127.0.0.1', port: 8686 } },
    log: { level: 'info', rowValues: false, deliveries: false },
    file: null,
  })
})

test('several servers come from a list or the environment, and replace host and port of the URL', () => {
  write('source: {hosts: ["db1", "db2:3310"]}\n')
  const hosts = [
    { host: 'db1', port: 3306 },
    { host: 'db2', port: 3310 },
  ]
  expect(load().config.source).toMatchObject({ host: 'db1', port: 3306, user: 'bingo', hosts })
  const env = { ...SOURCE, BINGO_SOURCE_HOSTS: '[fd00::1]:3307,db9' }
  expect(load(env).config.source).toMatchObject({ host: 'fd00::1', port: 3307 })
  const [twice] = problems({ ...SOURCE, BINGO_SOURCE_HOSTS: 'db1,db1:3306' })
  expect(twice).toMatchObject({ code: 'BINGO_CONFIG_VALUE', message: expect.stringContaining('is listed twice') })
  const [wrong] = problems({ ...SOURCE, BINGO_SOURCE_HOSTS: 'mysql://db1' })
  expect(wrong?.message).toContain('not a valid server address')
})

test('the configuration cannot be changed afterwards', () => {
  const { config } = load()
  expect(() => Object.assign(config.source, { host: 'other' })).toThrow(TypeError)
})

test('the file is found, and the environment comes before it', () => {
  write('name: shop\nlanes: 4\nsource: {start: earliest, tls: require}\nrules: [a.yaml, b.yaml]\n')
  const { config } = load({ ...SOURCE, BINGO_LANES: '8', BINGO_RULES: 'x.yaml, y/*.yaml' })
  expect(config.file).toBe(join(cwd, 'config/bingo.yaml'))
  expect(config.name).toBe('shop')
  expect(config.lanes).toBe(8)
  expect(config.source.start).toEqual({ tag: 'earliest' })
  expect(config.source.tls.mode).toBe('require')
  expect(config.rules.patterns).toEqual(['x.yaml', 'y/*.yaml'])
})

test('BINGO_CONFIG names another file, and --config comes before it', () => {
  writeFileSync(join(cwd, 'one.yaml'), 'name: one\n')
  writeFileSync(join(cwd, 'two.yaml'), 'name: two\n')
  const env = { ...SOURCE, BINGO_CONFIG: 'one.yaml' }
  expect(load(env).config.name).toBe('one')
  expect(loadConfig({ file: 'two.yaml', env, cwd, sourceRequired: true }).config.name).toBe('two')
})

test('a file that was named but is not there is an error', () => {
  expect(() => load({ ...SOURCE, BINGO_CONFIG: 'gone.yaml' })).toThrow(
    expect.objectContaining({ code: 'BINGO_CONFIG_FILE' }),
  )
})

test('an empty file and empty values mean the defaults', () => {
  write('# nothing yet\n')
  expect(load().config.name).toBe('bingo')
  write('source:\nredis:\n  url:\nname:\n')
  expect(load().config.name).toBe('bingo')
})

test("actions use the checkpoint's Redis when no other is named", () => {
  expect(load({ ...SOURCE, BINGO_CHECKPOINT_STORE: 'redis://cache/1' }).config.redis.url).toBe('redis://cache/1')
  const both = { ...SOURCE, BINGO_CHECKPOINT_STORE: 'redis://cache/1', BINGO_REDIS_URL: 'redis://other' }
  expect(load(both).config.redis.url).toBe('redis://other')
})

test('single settings complete the address and come before it', () => {
  const { config } = load({
    BINGO_SOURCE_URL: 'mysql://bingo@db',
    BINGO_SOURCE_PASSWORD: 'p@ss',
    BINGO_SOURCE_PORT: '99',
  })
  expect(config.source).toMatchObject({ host: 'db', port: 99, user: 'bingo', password: 'p@ss' })
})

describe('secrets', () => {
  test('come from the environment and from files, also inside an address', () => {
    writeFileSync(join(cwd, 'token'), 'file-token\n')
    write('source: {url: "mysql://bingo:${env:DB_PASSWORD}@db"}\nhttp: {token: "${file:token}"}\n')
    const { config } = load({ DB_PASSWORD: 'a@b:c/d%' })
    expect(config.source).toMatchObject({ host: 'db', user: 'bingo', password: 'a@b:c/d%' })
    expect(config.http.token).toBe('file-token')
  })

  test('that are missing are reported with their place', () => {
    write('source: {url: "mysql://bingo:${env:DB_PASSWORD}@db"}\nhttp:\n  token: ${file:/nowhere}\n')
    const found = problems({})
    expect(found.map(({ code, location }) => [code, location?.line, location?.column])).toEqual([
      ['BINGO_CONFIG_SECRET', 1, 15],
      ['BINGO_CONFIG_SECRET', 3, 10],
    ])
  })

  test('that are missing are notes where that is allowed, and nothing is said of what depends on them', () => {
    write(
      'source: {url: "${env:A}", password: "${env:B}", port: "${env:C}"}\ncheckpoint: {store: "${env:D}"}\n' +
        'standby: {lease: redis}\nredis: {url: "redis://:${env:E}@h"}\nhttp: {listen: "0.0.0.0:1", token: "${file:/nowhere}"}\n',
    )
    const options = { env: {}, cwd, sourceRequired: false, allowMissingSecrets: true }
    const { problems: found, config } = readConfig(options)
    expect(found.map(({ severity, location }) => `${severity} ${location!.line}`).toSorted()).toEqual([
      'note 1',
      'note 1',
      'note 1',
      'note 2',
      'note 4',
      'note 5',
    ])
    expect(config.redis.url).toBe('redis://:secret@h')
    write('redis: {url: "${API}"}\nlanes: many\n')
    expect(readConfig(options).problems.map(({ severity }) => severity)).toEqual(['error', 'error'])
  })

  test('are not looked up where the environment overrides the value', () => {
    write('source: {url: "mysql://bingo:${env:DB_PASSWORD}@db"}\n')
    expect(problems()).toEqual([])
  })

  test('never appear in a problem', () => {
    write('source: {password: [hunter2], pasword: hunter2}\nredis: {url: "http://u:hunter2@h"}\n')
    const found = problems({ BINGO_SOURCE_URL: 'http://u:hunter2@db', BINGO_CHECKPOINT_STORE: 'hunter2' })
    expect(found.length).toBeGreaterThan(4)
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })
})

describe('mistakes', () => {
  test('are reported all at once, with line, column and what would be right', () => {
    write(
      [
        'name: "with space"',
        'soruce: {url: x}',
        'source:',
        '  heartbeat: 10',
        '  start: yesterday',
        '  onGap: ignore',
        '  lanes: 3',
        'budget: lots',
        'lanes: 99999',
        'checkpoint: redis://cache',
        'log: {level: warning}',
        'http: {port: 8080}',
      ].join('\n'),
    )
    const found = problems()
    expect(found.map(({ code, location }) => `${location?.line}:${location?.column} ${code}`).sort()).toEqual(
      [
        '1:7 BINGO_CONFIG_VALUE',
        '2:1 BINGO_CONFIG_UNKNOWN_KEY',
        '4:14 BINGO_CONFIG_VALUE',
        '5:10 BINGO_CONFIG_VALUE',
        '6:10 BINGO_CONFIG_VALUE',
        '7:3 BINGO_CONFIG_UNKNOWN_KEY',
        '8:9 BINGO_CONFIG_VALUE',
        '9:8 BINGO_CONFIG_VALUE',
        '10:13 BINGO_CONFIG_TYPE',
        '11:14 BINGO_CONFIG_VALUE',
        '12:8 BINGO_CONFIG_UNKNOWN_KEY',
      ].sort(),
    )
    const hintAt = (line: number) => found.find(({ location }) => location?.line === line)?.hint
    expect(hintAt(2)).toContain('"source"')
    expect(hintAt(4)).toContain('10s')
    expect(hintAt(7)).toContain('"lanes"')
    expect(hintAt(11)).toContain('"warn"')
    expect(hintAt(12)).toBe('Known settings: listen, token, tokens. Another group has "source.port".')
    for (const problem of found) expect(problem.hint).toBeTruthy()
  })

  test('in the environment name the variable', () => {
    const [problem] = problems({ ...SOURCE, BINGO_SHUTDOWN_DEADLINE: 'soon' })
    expect(problem?.location).toBeUndefined()
    expect(problem?.message).toContain('BINGO_SHUTDOWN_DEADLINE')
  })

  test('a tab is explained in plain words', () => {
    write('source:\n\turl: x\n')
    expect(problems()[0]).toMatchObject({ code: 'BINGO_CONFIG_YAML', message: expect.stringContaining('tab') })
  })

  test('a key written twice is refused', () => {
    write('name: a\nname: b\n')
    expect(problems()[0]).toMatchObject({ code: 'BINGO_CONFIG_YAML', location: { line: 2 } })
  })

  test('a file that is malformed is said to be that, and not to miss what stands in it', () => {
    write('source:\n  url: mysql://bingo:s3cret@db\nlanes: 4\nlanes: 5\n')
    expect(problems({})).toMatchObject([{ code: 'BINGO_CONFIG_YAML', location: { line: 4, column: 1 } }])
    write('source: {url: "mysql://bingo:s3cret@db"\nlanes: 4\n')
    expect(problems({ BINGO_LANES: 'many' })).toMatchObject([
      { code: 'BINGO_CONFIG_YAML', location: { line: 1, column: 9 } },
      { code: 'BINGO_CONFIG_VALUE', message: expect.stringContaining('BINGO_LANES') },
    ])
  })

  test('lists that are nested far too deeply are refused', () => {
    write(`rules:\n  ${'- '.repeat(20_000)}x`)
    expect(problems()[0]).toMatchObject({ code: 'BINGO_CONFIG_YAML', message: expect.stringContaining('too deeply') })
  })

  test('maps that are keys, nested far too deeply, are refused before anything is made of them', () => {
    write(`rules: ${'{a: '.repeat(300)}${'{'.repeat(30)}x${'}'.repeat(330)}`)
    expect(problems()[0]).toMatchObject({ code: 'BINGO_CONFIG_YAML', message: expect.stringContaining('too deeply') })
  })

  test('an alias bomb is refused', () => {
    const levels = ['a: &l0 [x, x]']
    for (let level = 1; level < 20; level++) {
      levels.push(`l${level}: &l${level} [${`*l${level - 1},`.repeat(9)} *l${level - 1}]`)
    }
    write(`${levels.join('\n')}\nrules: *l19\n`)
    expect(problems().map(({ code }) => code)).toContain('BINGO_CONFIG_YAML')
  })

  test('a missing source names the variable to set', () => {
    expect(problems({})).toMatchObject([
      { code: 'BINGO_CONFIG_MISSING', hint: expect.stringContaining('BINGO_SOURCE_URL') },
    ])
    expect(readConfig({ env: {}, cwd, sourceRequired: false }).problems).toEqual([])
  })

  test('a misspelt variable is a warning, one of Kubernetes is not', () => {
    const env = {
      ...SOURCE,
      BINGO_SOURCE_STRAT: 'earliest',
      BINGO_PORT_8686_TCP: 'tcp://10.0.0.1:8686',
      BINGO_SERVICE_HOST: 'x',
    }
    expect(problems(env)).toMatchObject([
      {
        severity: 'warning',
        message: expect.stringContaining('BINGO_SOURCE_STRAT'),
        hint: 'Did you mean BINGO_SOURCE_START?',
      },
    ])
  })

  test('variables of Kubernetes that are called like settings are ignored with a word', () => {
    const env = {
      ...SOURCE,
      BINGO_SOURCE_PORT: 'tcp://10.0.0.7:3306',
      BINGO_SOURCE_PORT_3306_TCP_ADDR: '10.0.0.7',
      BINGO_SOURCE_SERVICE_HOST: '10.0.0.7',
      BINGO_REDIS_PORT: 'tcp://10.0.0.8:6379',
      BINGO_HTTP_SERVICE_PORT_HTTP: '80',
    }
    expect(problems(env)).toMatchObject([
      { severity: 'warning', code: 'BINGO_CONFIG_SERVICE_VARIABLE', message: expect.stringContaining('bingo-source') },
    ])
    expect(load(env).config.source.port).toBe(3307)
    expect(problems({ ...SOURCE, BINGO_SOURCE_PORT: 'tcp' })).toMatchObject([{ code: 'BINGO_CONFIG_VALUE' }])
  })

  test('a reference that BinGo does not know is refused in the file, and is text in a variable', () => {
    write('http: {token: "${API_TOKEN}"}\nsource: {password: "${ENV:X}"}\n')
    expect(problems()).toMatchObject([
      { code: 'BINGO_CONFIG_SECRET', location: { line: 2 }, hint: 'write ${env:X}' },
      { code: 'BINGO_CONFIG_SECRET', location: { line: 1 }, hint: 'write ${env:API_TOKEN}' },
    ])
    write('')
    expect(load({ ...SOURCE, BINGO_SOURCE_PASSWORD: 'a${B}c' }).config.source.password).toBe('a${B}c')
  })

  test('the last line break of a variable is not part of its value', () => {
    expect(load({ ...SOURCE, BINGO_HTTP_TOKEN: 'tok\n' }).config.http.token).toBe('tok')
    expect(load({ ...SOURCE, BINGO_LANES: '8\r\n' }).config.lanes).toBe(8)
  })

  test('a number where a text is meant counts as it is written', () => {
    write('name: 1.10\nsource: {password: 0012}\nrules: [1.20]\n')
    const { config } = load()
    expect([config.name, config.source.password, config.rules.patterns]).toEqual(['1.10', '0012', ['1.20']])
  })

  test('a file that is not UTF-8 is an error', () => {
    writeFileSync(join(cwd, 'config/bingo.yaml'), Buffer.from('name: a\n# größe\n', 'latin1'))
    expect(problems()).toMatchObject([{ code: 'BINGO_CONFIG_YAML', location: { line: 2, column: 5 } }])
  })

  test('listening on an address other than loopback requires a token', () => {
    expect(problems({ ...SOURCE, BINGO_HTTP_LISTEN: '0.0.0.0:8686' })).toMatchObject([
      { code: 'BINGO_CONFIG_HTTP_TOKEN' },
    ])
    expect(problems({ ...SOURCE, BINGO_HTTP_LISTEN: ':8686', BINGO_HTTP_TOKEN: 't' })).toEqual([])
    expect(problems({ ...SOURCE, BINGO_HTTP_LISTEN: '[::1]:8686' })).toEqual([])
    expect(load({ ...SOURCE, BINGO_HTTP_LISTEN: 'off' }).config.http.listen).toBeNull()
  })
})

test('named targets keep their places for the rule loader', () => {
  write('targets:\n  crm:\n    type: webhook\n    url: https://x\n')
  const crm = load().config.targets.get('crm')!
  expect({ ...(dataOf(crm.tree) as object) }).toEqual({ type: 'webhook', url: 'https://x' })
  expect(crm.location).toMatchObject({ line: 2, column: 3 })
  expect(crm.tree).toMatchObject({ entries: [{}, { key: 'url', value: { location: { line: 4, column: 10 } } }] })
})

test('a standby needs a checkpoint that both instances reach, and a lock on one server cannot be the lease for several', () => {
  const redis = { ...SOURCE, BINGO_CHECKPOINT_STORE: 'redis://cache:6379/1' }
  expect(problems({ ...SOURCE, BINGO_STANDBY_LEASE: 'redis' })).toMatchObject([{ code: 'BINGO_CONFIG_STANDBY' }])
  expect(problems({ ...redis, BINGO_STANDBY_LEASE: 'mysql', BINGO_SOURCE_HOSTS: 'db1,db2' })).toMatchObject([
    { code: 'BINGO_CONFIG_STANDBY' },
  ])
  const { config } = load({ ...redis, BINGO_STANDBY_LEASE: 'mysql', BINGO_STANDBY_TTL: '3s' })
  expect(config.standby).toEqual({ lease: 'mysql', ttlMs: 3_000 })
  expect(load().config.standby).toEqual({ lease: 'off', ttlMs: 10_000 })
})
