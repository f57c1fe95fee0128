import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { actionTypes } from '../../../src/targets/registry.ts'
import { ProblemsError } from '../../../src/model/errors.ts'
import type { Problem } from '../../../src/model/errors.ts'
import type { Rule } from '../../../src/model/rule/rule.ts'
import { formatProblems } from '../../../src/rules/files/format-problems.ts'
import { loadRules, loadRulesFromText } from '../../../src/rules/files/load.ts'
import type { CompileOptions, LoadedRules } from '../../../src/rules/files/load.ts'
import type { TargetSource } from '../../../src/rules/read/read-action.ts'
import { treeOf } from '../../support/tree-of.ts'
import { ADA, changeOf, tableOf, USERS } from '../../support/match-tables.ts'

const OPTIONS: CompileOptions = {
  baseDir: process.cwd(),
  targets: new Map(),
  defaults: { redisUrl: 'redis://cache:6379', allowCidrs: [] },
  actionTypes: actionTypes(),
  env: { TOKEN: 'topsecret', BRACES: '{{id}}' },
}

const load = (text: string, options: Partial<CompileOptions> = {}): LoadedRules =>
  loadRulesFromText([{ path: '/r/a.yaml', name: 'a.yaml', text }], { ...OPTIONS, ...options })

function problemsOf(run: () => unknown): readonly Problem[] {
  try {
    run()
  } catch (error) {
    if (error instanceof ProblemsError) return error.problems
    throw error
  }
  throw new Error('it was accepted')
}

/** `line:column CODE message` of everything wrong with a text. */
const wrong = (text: string, options: Partial<CompileOptions> = {}): string[] =>
  problemsOf(() => load(text, options)).map(
    ({ location, code, message }) => `${location?.line}:${location?.column} ${code} ${message}`,
  )

/** A rule with further lines at the level of its keys. */
const ruleWith = (...lines: string[]): string =>
  [
    'rules:',
    '  - id: r',
    '    table: users',
    ...lines.map((line) => `    ${line}`),
    ...(lines.some((line) => line.startsWith('actions:'))
      ? []
      : ['    actions: [{type: redis, cmd: DEL, key: "u:{{id}}"}]']),
  ].join('\n')

const only = ({ ruleSet }: LoadedRules): Rule => ruleSet.rules[0]!

describe('The founding example', () => {
  test('loads as it stands, fires on UPDATE of the status and on DELETE, and names the key', async () => {
    const { ruleSet, warnings } = await loadRules({ ...OPTIONS, patterns: ['rules/users.yaml'] })
    expect(warnings).toEqual([])
    const rule = ruleSet.rules[0]!
    expect(rule.id).toBe('user_cache_invalidate')
    expect([...rule.operations]).toEqual(['update', 'delete'])
    expect(rule.matchesTable('shop', 'users') && rule.matchesTable('other', 'users')).toBe(true)
    expect(rule.matchesTable('shop', 'users2')).toBe(false)
    const matches = rule.filter!.bind(USERS)
    expect(matches(changeOf({ ...ADA, status: 0 }, ADA))).toBe(true)
    expect(matches(changeOf(ADA, ADA))).toBe(false)
    expect(matches(changeOf(ADA, null))).toBe(true)
    const [action] = rule.actions
    expect(action).toMatchObject({ type: 'redis', coalesce: 'latest', onFailure: 'park', timeoutMs: 10_000, index: 0 })
    expect(action!.rule).toBe(rule)
    expect(action!.bind(USERS)(changeOf(ADA, null))).toBe('cache:user:101')
    expect(action!.reads(USERS).new).toEqual(new Set(['id']))
  })

  test('and every example in rules/ loads, enabled too', async () => {
    // As the configuration in config/ has it, with nothing that keeps events.
    const defaults = { ...OPTIONS.defaults, keepsEvents: false, keepsStreams: false }
    const { ruleSet } = await loadRules({ ...OPTIONS, defaults, patterns: ['rules'] })
    expect(ruleSet.files).toHaveLength(2)
    const { readFile } = await import('node:fs/promises')
    const text = await readFile('rules/examples.yaml', 'utf8')
    expect(load(text.replaceAll('enabled: false', 'enabled: true')).ruleSet.rules).toHaveLength(7)
  })
})

describe('A rule', () => {
  test('may use the whole grammar', () => {
    const rule = only(
      load(
        ruleWith(
          'description: words',
          'tags: [a, b]',
          'events: [INSERT, Delete, truncate, ddl]',
          'filter: new.status == 1',
          'debounce: {window: 100ms, maxWait: 1s, maxBatch: 10}',
          'delay: 1m',
        ),
      ),
    )
    expect(rule).toMatchObject({ description: 'words', tags: ['a', 'b'], delayMs: 60_000 })
    expect(rule.debounce).toEqual({ windowMs: 100, maxWaitMs: 1000, maxBatch: 10 })
    expect([...rule.operations]).toEqual(['insert', 'delete', 'truncate', 'ddl'])
    expect(rule.location).toMatchObject({ file: 'a.yaml', line: 2, column: 5 })
  })

  test('has defaults for the rest', () => {
    const rule = only(load(ruleWith('debounce: 100ms')))
    expect(rule).toMatchObject({ description: null, tags: [], delayMs: 0, filter: null })
    expect(rule.debounce).toEqual({ windowMs: 100, maxWaitMs: 1000, maxBatch: 1000 })
    expect([...rule.operations]).toEqual(['insert', 'update', 'delete'])
  })

  test.each([
    ['users', ['a.users', 'b.users'], ['a.users2', 'a.Users']],
    ['shop.users', ['shop.users'], ['shop2.users', 'a.users']],
    ['shop.*', ['shop.a', 'shop.b.c'], ['shops.a']],
    ['"*.order_??"', ['a.order_01', 'b.order_xx'], ['a.order_1', 'a.order_123']],
    ['[users, "shop.*"]', ['x.users', 'shop.y'], ['x.y']],
    ['"*"', ['a.b'], []],
    ['"`order items`"', ['shop.order items'], ['shop.order']],
    ["'shop.`a``b\"`'", ['shop.a`b"'], ['shop.ab']],
    ['"shop.`a*?`"', ['shop.a*?'], ['shop.abc']],
    ['"`sh*`.`order `*"', ['sh*.order items', 'sh*.order '], ['shop.order items', 'sh*.orders']],
    ['"*.a`?`??"', ['x.a?bc'], ['x.abcd', 'x.a?b']],
  ])('on table %s', (table, yes, no) => {
    const rule = only(load(`rules: [{id: r, table: ${table}, actions: [{type: log}]}]`))
    const matches = (name: string): boolean => rule.matchesTable(name.split('.')[0]!, name.slice(name.indexOf('.') + 1))
    expect(yes.map(matches)).toEqual(yes.map(() => true))
    expect(no.map(matches)).toEqual(no.map(() => false))
  })

  test('on a table whose database has a dot in its name, in backticks', () => {
    const rule = only(load('rules: [{id: r, table: "`sh.op`.`order items`", actions: [{type: log}]}]'))
    expect(rule.matchesTable('sh.op', 'order items')).toBe(true)
    expect(rule.matchesTable('sh', 'op.order items')).toBe(false)
  })

  test.each(['`a', 'a``', '``.b', 'a.', '.b', "'a'", 'a`b` c'])('not on %s, which is no pattern', (table) => {
    expect(wrong(`rules: [{id: r, table: ${JSON.stringify(table)}, actions: [{type: log}]}]`)).toEqual([
      expect.stringContaining('is not a valid table name or pattern'),
    ])
  })

  test('that listens to nothing but gaps needs no table, others do', () => {
    const gaps = 'rules: [{id: r, events: [GAP], actions: [{type: log}]}]'
    const { ruleSet, warnings } = load(gaps, { tables: [USERS] })
    expect([...ruleSet.rules[0]!.operations]).toEqual(['gap'])
    expect(warnings).toEqual([])
    expect(wrong(gaps.replace('GAP', 'GAP, DDL'))).toEqual([expect.stringContaining('a rule needs "table" or "on"')])
  })

  test('that is disabled is checked and ignored', () => {
    const { ruleSet, warnings } = load(ruleWith('enabled: false'))
    expect(ruleSet.rules).toEqual([])
    expect(warnings.map(({ code }) => code)).toEqual(['BINGO_RULE_NONE'])
    expect(wrong(ruleWith('enabled: false', 'filter: "1"'))).toHaveLength(1)
  })

  test('has a version that changes with its meaning, not with its formatting', () => {
    const version = (text: string): string => only(load(text)).version
    const block = 'rules:\n  - table: users\n    id: r # comment\n    actions:\n      - type: log\n'
    expect(version(block)).toBe(version('rules: [{id: "r", table: users, actions: [{type: log}]}]'))
    expect(version(block)).not.toBe(version(block.replace('users', 'user')))
  })

  test('may use anchors, aliases and merge keys', () => {
    const text =
      'rules:\n  - &base\n    id: a\n    table: users\n    actions: &acts [{type: log}]\n' +
      '  - <<: *base\n    id: b\n  - {id: c, table: x, actions: *acts}\n'
    expect(load(text).ruleSet.rules.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  })
})

describe('Delivery options', () => {
  const targets = new Map([
    ['crm', target({ type: 'webhook', url: 'https://crm.test/', timeout: '3s', retry: { attempts: 3 } })],
  ])

  function target(value: unknown): TargetSource {
    const location = { file: 'bingo.yaml', line: 9, column: 3 }
    return { tree: treeOf(value, () => location), location }
  }

  test('are taken from the nearest: action, target, rule, defaults, key by key', () => {
    const rule = only(
      load(
        ruleWith(
          'timeout: 1s',
          'onFailure: block',
          'retry: {attempts: 9, max: 2s}',
          'rate: 100/m',
          'actions:',
          '  - {type: webhook, target: crm, retry: {min: 1s}}',
          '  - {type: log, timeout: 5s, onFailure: skip}',
        ),
        { targets, delivery: { retry: { attempts: Infinity, maxAgeMs: 77, minMs: 1, maxMs: 10_000 } } },
      ),
    )
    const [webhook, log] = rule.actions
    expect(webhook).toMatchObject({ timeoutMs: 3000, onFailure: 'block', target: { id: 'crm' } })
    expect(webhook!.retry).toEqual({ attempts: 3, maxAgeMs: 77, minMs: 1000, maxMs: 2000 })
    expect(webhook!.ratePerSecond).toBeCloseTo(100 / 60)
    expect(log).toMatchObject({ timeoutMs: 5000, onFailure: 'skip', retry: { attempts: 9, minMs: 1, maxMs: 2000 } })
  })

  test('an action takes its type from its target', () => {
    const rule = only(load(ruleWith('actions: [{target: crm}]'), { targets }))
    expect(rule.actions[0]).toMatchObject({ type: 'webhook', target: { id: 'crm' } })
  })

  test('a named target has a version, which is that of what is written, not of its secrets', () => {
    const version = (url: string, TOKEN = 'a') => {
      const crm = target({ type: 'webhook', url, headers: { authorization: '${env:TOKEN}' } })
      const options = { targets: new Map([['crm', crm]]), env: { TOKEN } }
      return only(load(ruleWith('actions: [{target: crm}]'), options)).actions[0]!.target.version
    }
    expect(version('https://one.test/')).toMatch(/^\w+$/)
    expect(version('https://one.test/', 'b')).toBe(version('https://one.test/'))
    expect(version('https://other.test/')).not.toBe(version('https://one.test/'))
    expect(only(load(ruleWith())).actions[0]!.target.version).toBe(undefined)
  })

  test('a target may override when it spools, and how much, each for itself', () => {
    const spools = (spool: object) =>
      only(
        load(ruleWith('actions: [{target: crm}]'), {
          targets: new Map([['crm', target({ type: 'webhook', url: 'https://x/', spool })]]),
        }),
      ).actions[0]!.target.spool
    expect(spools({ after: '5s', maxBytes: '4GiB' })).toEqual({ afterMs: 5_000, maxBytes: 4 * 1024 ** 3 })
    expect(spools({ after: '0s' })).toEqual({ afterMs: 0 })
    expect(spools({ maxBytes: 1_000 })).toEqual({ maxBytes: 1_000 })
    expect(only(load(ruleWith('actions: [{target: crm}]'), { targets })).actions[0]!.target.spool).toBeUndefined()
  })

  test('the rate of a target is one for all that goes there, and an action may have its own besides', () => {
    const crm = new Map([['crm', target({ type: 'webhook', url: 'https://x/', rate: '50/s' })]])
    const ratesOf = (more: string): unknown => {
      const { ratePerSecond, target: of } = only(load(ruleWith(more), { targets: crm })).actions[0]!
      return [ratePerSecond, of.ratePerSecond]
    }
    expect(ratesOf('actions: [{target: crm}]')).toEqual([null, 50])
    expect(ratesOf('actions: [{target: crm, rate: 5/s}]')).toEqual([5, 50])
    expect(ratesOf('actions: [{target: crm}]\n    rate: 8/s')).toEqual([8, 50])
    const unnamed = only(load(ruleWith('actions: [{type: webhook, url: "https://x/"}]\n    rate: 8/s')))
    expect([unnamed.actions[0]!.ratePerSecond, unnamed.actions[0]!.target.ratePerSecond]).toEqual([8, undefined])
  })

  test('a wrong spool is reported where it is written', () => {
    const spools = (spool: unknown) =>
      wrong(ruleWith(), { targets: new Map([['crm', target({ type: 'webhook', url: 'https://x/', spool })]]) })
    expect(spools({ after: '2d', maxBytes: 0 })).toEqual([
      '9:3 BINGO_RULE_VALUE spool.after must be at most 1d',
      '9:3 BINGO_RULE_VALUE spool.maxBytes must be at least 1 byte',
    ])
    expect(spools({ afters: '1s' })).toEqual(['9:3 BINGO_RULE_UNKNOWN_KEY unknown key "afters" in spool'])
    expect(spools('1GiB')).toEqual([expect.stringMatching(/^9:3 BINGO_RULE_TYPE spool/)])
  })

  test('a target is checked where it is defined', () => {
    const bad = new Map([['crm', target({ type: 'webhook', url: 'https://x/', body: {}, timeout: 5 })]])
    expect(wrong(ruleWith(), { targets: bad })).toEqual([
      '9:3 BINGO_RULE_UNKNOWN_KEY unknown key "body" in a webhook target',
      '9:3 BINGO_RULE_TYPE timeout is "5", which is not a valid duration',
    ])
    expect(wrong(ruleWith('actions: [{type: log, target: crm}]'), { targets })).toEqual([
      '4:22 BINGO_RULE_VALUE the action has type log, but its target has type webhook',
    ])
    expect(wrong(ruleWith('actions: [{target: cmr}]'), { targets })).toEqual([
      '4:24 BINGO_RULE_UNKNOWN_TARGET target "cmr" does not exist',
    ])
  })
})

describe('Secrets', () => {
  test('are inserted from the environment and from files, also next to templates, and never shown', async () => {
    const rule = only(load(ruleWith('actions: [{type: redis, cmd: DEL, key: "${env:TOKEN}:${env:BRACES}:{{id}}"}]')))
    expect(rule.actions[0]!.bind(USERS)(changeOf(null, ADA))).toBe('topsecret:{{id}}:101')
    const folder = await mkdtemp(join(tmpdir(), 'bingo-secret-'))
    await writeFile(join(folder, 's'), 'from file\n')
    const fromFile = only(load(ruleWith('actions: [{type: redis, cmd: DEL, key: "${file:s}"}]'), { baseDir: folder }))
    expect(fromFile.actions[0]!.bind(USERS)(changeOf(null, ADA))).toBe('from file')
    await rm(folder, { recursive: true })
    expect(rule.actions[0]!.target.id).not.toContain('topsecret')
  })

  test('that are missing are reported at their place', () => {
    expect(wrong(ruleWith('actions: [{type: redis, cmd: DEL, key: "k:${env:NOPE}:{{id}}"}]'))).toEqual([
      '4:47 BINGO_RULE_SECRET_MISSING the environment variable NOPE is not set',
    ])
  })

  test('in a URL are starred in excerpts', () => {
    const [problem] = problemsOf(() => load(ruleWith('actions: [{typ: redis, url: "redis://u:hunter2@h"}]')))
    expect(problem!.location!.excerpt).toContain('redis://u:*******@h')
  })
})

test.each([
  ['{type: kafka, brokers: [], topic: t}', '4:38 BINGO_RULE_VALUE brokers is empty'],
  ['{type: webhook, url: "https://x.test/", sign: {secrets: []}}', '4:71 BINGO_RULE_VALUE secrets is empty'],
  [
    '{type: redis, url: "redis://h", cmd: DEL, keys: []}',
    '4:63 BINGO_RULE_VALUE keys is empty: nothing would be removed',
  ],
])('A list that an action needs must not be empty: %s', (action, problem) => {
  const problems = problemsOf(() => load(ruleWith(`actions: [${action}]`)))
  expect(
    problems.map(({ location, code, message }) => `${location?.line}:${location?.column} ${code} ${message}`),
  ).toEqual([problem])
})

describe('Secrets that are missing where that is allowed', () => {
  const allowed = { allowMissingSecrets: true, env: {} }
  const notesOf = (rule: string, more: object = {}): string[] =>
    load(ruleWith(rule), { ...allowed, ...more }).warnings.map(
      ({ severity, location, message }) => `${severity} ${location!.line}:${location!.column} ${message}`,
    )

  test.each([
    '{type: redis, url: "${env:X}", cmd: DEL, key: "k:{{id}}"}',
    '{type: webhook, url: "${env:X}"}',
    '{type: webhook, url: "https://x.test/", sign: {secrets: ["${env:X}"]}}',
    '{type: webhook, url: "https://x.test/", headers: {authorization: "Bearer ${env:X}"}}',
    '{type: webhook, url: "https://x.test/", proxy: "${env:X}"}',
    '{type: webhook, url: "https://x.test/", allowCidrs: ["${env:X}"]}',
    '{type: kafka, brokers: ["${env:X}"], topic: t}',
    '{type: rabbitmq, url: "${env:X}", routingKey: k}',
    '{type: nats, url: "${env:X}", subject: s}',
    '{type: grpc, address: "${env:X}", method: s.T/M, proto: "${file:nowhere}", message: {a: "${env:X}"}}',
    '{type: sql, url: "${env:X}", statement: "DO 1"}',
  ])('are notes at their places, and the fields with them are not judged: %s', (action) => {
    const notes = notesOf(`actions: [${action}]`)
    expect(notes.length).toBeGreaterThan(0)
    for (const note of notes)
      expect(note).toMatch(/^note 4:\d+ the (environment variable X is not set|file \S+ cannot)/)
  })

  test('leave everything else judged', () => {
    const wrongRule = ruleWith(
      'actions: [{type: webhook, url: "${env:X}", metod: PUT, timeout: 5, headers: {a: "${API}", b: "${env:Y}"}}]',
    )
    expect(problemsOf(() => load(wrongRule, allowed)).map(({ severity, code }) => `${severity} ${code}`)).toEqual(
      expect.arrayContaining([
        'note BINGO_RULE_SECRET_MISSING',
        'error BINGO_RULE_SECRET_MISSING',
        'error BINGO_RULE_UNKNOWN_KEY',
        'error BINGO_RULE_TYPE',
      ]),
    )
    const column = ruleWith('actions: [{type: webhook, url: "${env:X}/{{nmae}}"}]')
    expect(problemsOf(() => load(column, { ...allowed, tables: [USERS] })).map(({ code }) => code)).toContain(
      'BINGO_RULE_UNKNOWN_COLUMN',
    )
  })

  test('are each named, two in one text as well', () => {
    expect(notesOf('actions: [{type: webhook, url: "https://x.test/${env:X}/${env:Y}"}]')).toEqual([
      'note 4:52 the environment variable X is not set',
      'note 4:61 the environment variable Y is not set',
    ])
  })
})

describe('References to secrets', () => {
  const header = (value: string): string =>
    ruleWith(
      'actions:',
      '  - type: webhook',
      '    url: https://x.test/',
      '    headers:',
      `      authorization: ${value}`,
    )

  test('work in the whole address of a webhook, as they do for other targets', () => {
    const env = { HOOK: 'https://hooks.test/T/B/x\n' }
    const { warnings, ruleSet } = load(ruleWith('actions: [{type: webhook, url: "${env:HOOK}"}]'), { env })
    expect(warnings).toEqual([])
    const [action] = ruleSet.rules[0]!.actions
    expect(action!.target.id).toContain('hooks.test')
    expect(action!.bind(USERS)(changeOf(null, ADA))).toMatchObject({ url: { href: 'https://hooks.test/T/B/x' } })
    const withPath = ruleWith('actions: [{type: webhook, url: "${env:HOOK}/{{id}}"}]')
    expect(only(load(withPath, { env })).actions[0]!.bind(USERS)(changeOf(null, ADA))).toMatchObject({
      url: { href: 'https://hooks.test/T/B/x/101' },
    })
    const account = { env: { HOOK: 'https://user:hunter2@hooks.test/' } }
    const problems = problemsOf(() => load(ruleWith('actions: [{type: webhook, url: "${env:HOOK}"}]'), account))
    expect(problems).toMatchObject([{ code: 'BINGO_RULE_WEBHOOK_URL' }])
    expect(JSON.stringify(problems)).not.toContain('hunter2')
  })

  test('lose their last line break, from a variable as from a file', () => {
    const rule = only(load(header('"Bearer ${env:TOKEN}"'), { env: { TOKEN: 'tok\r\n' } }))
    const payload = rule.actions[0]!.bind(USERS)(changeOf(null, ADA)) as { headers: string[] }
    expect(payload.headers).toEqual(['authorization', 'Bearer tok'])
  })

  test.each([
    ['"Bearer ${API_TOKEN}"', '8:34', '${env:API_TOKEN}'],
    ['"Bearer ${ENV:API_TOKEN}"', '8:34', '${env:API_TOKEN}'],
    ['"Bearer ${File:/run/s}"', '8:34', '${file:/run/s}'],
    ['"${vault:kv/token}"', '8:27', '${env:NAME} or ${file:/path}'],
  ])('that BinGo does not know are refused: %s', (value, at, hint) => {
    const [problem] = problemsOf(() => load(header(value)))
    expect(`${problem!.location!.line}:${problem!.location!.column}`).toBe(at)
    expect(problem).toMatchObject({ code: 'BINGO_RULE_SECRET_MISSING', hint: `write ${hint}` })
  })

  test('that BinGo does not know are refused in bodies and in lists too, and may be written as text', () => {
    expect(wrong(ruleWith('actions: [{type: webhook, url: "https://x.test/", body: {a: ["${API}"]}}]'))).toHaveLength(1)
    expect(wrong(ruleWith('actions: [{type: kafka, brokers: ["${HOST}:9092"], topic: t}]'))).toHaveLength(1)
    const text = ruleWith(`actions: [{type: redis, cmd: SET, key: k, value: '{{"\${API}"}}'}]`)
    expect(only(load(text)).actions[0]!.bind(USERS)(changeOf(null, ADA))).toMatchObject({ args: ['k', '${API}'] })
  })
})

describe('Numbers where a text is meant', () => {
  const rendered = (...lines: string[]): unknown =>
    only(load(ruleWith('actions:', ...lines))).actions[0]!.bind(USERS)(changeOf(null, ADA))

  test('are sent as they are written', () => {
    const webhook = rendered(
      '  - {type: webhook, url: "https://x.test/", headers: {x-version: 1.10, x-hex: 0x1F, x-zip: 00501, x-on: True}}',
    )
    expect(webhook).toMatchObject({
      headers: ['x-version', '1.10', 'x-hex', '0x1F', 'x-zip', '00501', 'x-on', 'True'],
    })
    expect(rendered('  - {type: redis, cmd: SET, key: 1.10, value: 2.50}')).toMatchObject({ args: ['1.10', '2.50'] })
    expect(rendered('  - {type: redis, cmd: SADD, key: c, member: 1e3}')).toMatchObject({ args: ['c', '1e3'] })
  })

  test('stay numbers in JSON, and count for the version of the rule as they are written', () => {
    const body = rendered('  - {type: webhook, url: "https://x.test/", body: {v: 1.10}}')
    expect(body).toMatchObject({ json: '{"v":1.1}' })
    const version = (number: string): string =>
      only(load(ruleWith(`actions: [{type: redis, cmd: SET, key: k, value: ${number}}]`))).version
    expect(version('1.10')).not.toBe(version('1.1'))
  })
})

describe('What no event could pass is refused when the rules are loaded', () => {
  const env = { BREAK: 'a\nb' }
  test.each([
    [
      '{type: webhook, url: "https://x.test/", headers: {x: "a\\nb"}}',
      'header "x" contains a character that headers do not allow',
    ],
    [
      '{type: webhook, url: "https://x.test/", headers: {x: "${env:BREAK}"}}',
      'contains a character that headers do not allow',
    ],
    [
      '{type: webhook, url: "https://x.test:99999/"}',
      'not a valid http:// or https:// address: the port is not between 1 and 65535',
    ],
    ['{type: kafka, brokers: "kafka://k:9092", topic: t}', 'a broker address must be HOST:PORT'],
    ['{type: kafka, brokers: ["k:99999"], topic: t}', 'a broker address must be HOST:PORT'],
    ['{type: kafka, brokers: ["k"], topic: t}', 'a broker address must be HOST:PORT'],
    ['{type: kafka, brokers: ["k:9092"], topic: "shop users"}', 'not a valid topic name'],
    ['{type: kafka, brokers: ["k:9092"], topic: ".."}', 'not a valid topic name'],
    ['{type: nats, url: "nats://n:4222", subject: "a..b"}', 'not a valid subject to publish to'],
    ['{type: nats, url: "nats://n:4222", subject: "a.*"}', 'not a valid subject to publish to'],
    [
      '{type: nats, url: "nats://n:4222", subject: a, headers: {h: "${env:BREAK}"}}',
      'header "h" contains a line break',
    ],
    ['{type: nats, url: "nats://n:4222,n2:4222", subject: a}', 'the address has the wrong scheme'],
    [`{type: rabbitmq, url: "amqp://r", routingKey: ${'k'.repeat(256)}}`, 'the routing key exceeds 255 bytes'],
    [
      '{type: rabbitmq, url: "amqp://r:99999", routingKey: k}',
      'the address is not valid: the port is not between 1 and 65535',
    ],
    ['{type: grpc, address: "http://g:1", method: a.B/C, message: {}}', 'not a valid address'],
    [
      '{type: grpc, address: "g:1", method: a.B/C, message: {}, metadata: {m: "größe"}}',
      'a character that metadata does not allow',
    ],
    [
      '{type: sql, url: "mysql://d", statement: "INSERT INTO t VALUES (?, ?)", params: ["{{id}}"]}',
      'has 2 `?`, but `params` has 1',
    ],
    ['{type: sql, url: "mysql://d", statement: "DELETE FROM t WHERE id = ?"}', 'has 1 `?`, but `params` has 0'],
    [
      '{type: sql, url: "mysql://d", statement: "DELETE FROM t WHERE id = ?", params: {a: "{{id}}"}}',
      '`params` must be a list',
    ],
    ['{type: redis, cmd: ZADD, key: k, score: high, member: "{{id}}"}', 'the score of ZADD must be a number'],
    ['{type: redis, cmd: INCRBY, key: k, value: 1.5}', 'the value of INCRBY must be a 64-bit integer'],
  ])('%s', (action, message) => {
    const problems = problemsOf(() => load(ruleWith('actions:', `  - ${action}`), { env }))
    expect(problems.map((each) => each.message).join()).toContain(message)
    expect(JSON.stringify(problems.map(({ message: text, hint }) => [text, hint]))).not.toContain('a\\nb')
  })

  test.each([
    '{type: kafka, brokers: ["k:9092", "[fd00::1]:9092"], topic: "shop.{{table}}"}',
    '{type: nats, url: "nats://n:4222, tls://n2:4222", subject: "shop.{{id}}"}',
    '{type: rabbitmq, url: "amqp://u:p%40@r/vhost", routingKey: ""}'.replace('""', 'k'),
    `{type: sql, url: "mysql://d", statement: "INSERT INTO t VALUES (?, '?', 'a''?') -- ?", params: ["{{id}}"]}`,
    '{type: sql, url: "mysql://d", statement: "DELETE FROM t WHERE id = ?", params: "{{new.doc}}"}',
    '{type: redis, cmd: ZADD, key: k, score: "{{score}}", member: "{{id}}"}',
    '{type: redis, cmd: INCRBY, key: k}',
  ])('%s is right', (action) => {
    expect(load(ruleWith('actions:', `  - ${action}`)).warnings).toEqual([])
  })
})

describe('What is written as in other languages gets a hint', () => {
  test.each([
    ['filter: "new.status IN (1, 2)"', 'write x in [1, 2], with square brackets'],
    ['filter: "new.status in (1, 2)"', 'write x in [1, 2], with square brackets'],
    ['filter: "new.status IN [1, 2]"', 'write in, in lower case, and a list: x in [1, 2]'],
    ['filter: new.status NOT IN (1)', 'write !(x in [1, 2])'],
    ['filter: new.name == None', 'write null'],
    ['filter: new.name == NULL', 'write null'],
    ['filter: new.vip == True', 'write true'],
    ["filter: new.name ~ 'x'", "write x.matches('…')"],
    ['filter: new.price > 9,5', 'write decimals with a point: 9.5'],
    ["filter: ts > '2026-01-01'", 'compare with a timestamp'],
    ['filter: !new.deleted', 'put quotes around it, as in filter: "!…"'],
    ['filter: ! new.deleted', 'put quotes around it, as in filter: "!…"'],
    ['filter: !has(new.x) && new.a == 1', 'put quotes around it, as in filter: "!…"'],
    ['events: [UPSERT]', 'events: [INSERT, UPDATE]'],
    ['events: REPLACE', 'events: [INSERT, UPDATE, DELETE]'],
    ['events: "*"', 'omit events'],
    ['events: [ALTER]', 'events: [DDL]'],
    ['filter: "new.a.matches(\'\\d+\')"', 'use single quotes, or double each backslash'],
    ['actions: [{type: redis, cmd: DEL, key: "a:{{ .Email | lower }}"}]', 'write the helper first: {{lower Email}}'],
    ['actions: [{type: redis, cmd: DEL, key: "a:{{id}}:{{email|trim}}"}]', 'write the helper first: {{trim email}}'],
    [
      'actions: [{type: redis, cmd: DEL, key: "a:{{lower(email)}}"}]',
      'write the helper without brackets: {{lower email}}',
    ],
    [`actions: [{type: redis, cmd: DEL, key: "a:{{new['id']}}"}]`, 'write {{new.id}}'],
    ['actions: [{type: redis, cmd: DEL, key: "a:{{new.a == 1}}"}]', 'write {{eq new.a 1}}'],
    ['actions: [{type: redis, cmd: DEL, key: "a:{{new.}}"}]', 'write it as in {{new.id}}'],
    ['actions: [{type: redis, cmd: DEL, key: "a:{{lower new.}}"}]', 'write it as in {{new.id}}'],
    ['actions: [{type: redis, cmd: DEL, key: "a:{{#if new.}}x{{/if}}"}]', 'write it as in {{new.id}}'],
  ])('%s', (line, hint) => {
    const problems = problemsOf(() => load(ruleWith(line)))
    expect(problems).toHaveLength(1)
    expect(problems[0]!.hint).toContain(hint)
  })
})

describe('What looks like a template and is none is a warning', () => {
  const warnings = (action: string): string[] =>
    load(ruleWith('actions:', `  - ${action}`)).warnings.map(({ code, hint }) => `${code} ${hint}`)

  test.each([
    ['{type: redis, cmd: DEL, key: "user:{id}"}', '{{id}}'],
    ['{type: redis, cmd: DEL, key: "user:{ .ID }"}', '{{ID}}'],
    ['{type: redis, cmd: DEL, key: "user:${id}:{{id}}"}', '{{id}}'],
    ['{type: redis, cmd: DEL, keys: ["a:{{id}}", "b:${new.id}"]}', '{{new.id}}'],
    ['{type: webhook, url: "https://x.test/users/{id}"}', '{{id}}'],
    ['{type: webhook, url: "https://x.test/", headers: {x-user: "${name}"}}', '{{name}}'],
    ['{type: webhook, url: "https://x.test/", body: {text: "Hello {name}"}}', '{{name}}'],
  ])('%s', (action, hint) => {
    expect(warnings(action)).toEqual([`BINGO_RULE_PLACEHOLDER write a column value as ${hint}`])
  })

  test.each([
    '{type: redis, cmd: DEL, key: "{user}:{{id}}"}',
    '{type: redis, cmd: DEL, key: "user:{{id}}"}',
    `{type: webhook, url: "https://x.test/", body: '{"a": {b}}'}`,
    '{type: webhook, url: "https://x.test/", body: {price: "5 $ {{id}}"}}',
  ])('%s is none', (action) => {
    expect(warnings(action)).toEqual([])
  })
})

describe('All durations have bounds', () => {
  const action = (text: string): string[] => wrong(ruleWith(`actions: [{type: log, ${text}}]`))

  test.each([
    ['timeout: 30d', 'timeout must be at most 1h'],
    ['timeout: 0', 'timeout must be at least 1ms'],
    ['retry: {max: 25d}', 'retry.max must be at most 1d'],
    ['retry: {min: 2h}', 'retry.min must be at most 1h'],
    ['retry: {maxAge: 4000d}', 'retry.maxAge must be at most 3650d'],
  ])('%s', (text, message) => {
    expect(action(text)[0]).toContain(message)
    expect(wrong(ruleWith(text))[0]).toContain(message)
  })

  test.each([
    ['delay: 25d', 'delay must be at most 7d'],
    ['debounce: 2h', 'debounce must be at most 1h'],
    ['debounce: {window: 25d}', 'debounce.window must be at most 1h'],
    ['debounce: {window: 1s, maxWait: 25d}', 'debounce.maxWait must be at most 1d'],
  ])('%s', (text, message) => {
    expect(wrong(ruleWith(text))[0]).toContain(message)
  })
})

describe('Problems are reported with their place', () => {
  test.each<[string, string, string[]]>([
    ['an unknown key', ruleWith('fliter: "true"'), ['4:5 BINGO_RULE_UNKNOWN_KEY unknown key "fliter" in a rule']],
    ['an operation', ruleWith('events: [UPDAT]'), ['4:14 BINGO_RULE_VALUE "UPDAT" is not a valid value of events']],
    ['no operation', ruleWith('events: []'), ['4:13 BINGO_RULE_VALUE events is empty: the rule would never match']],
    ['a filter in quotes', ruleWith('filter: "new.a = 1"'), ['4:20 BINGO_RULE_BAD_FILTER Unexpected character: =']],
    [
      'a filter with escapes',
      ruleWith(`filter: "new.a == \\"\\x41\\" && nwe.b == 1"`),
      ['4:35 BINGO_RULE_BAD_FILTER Unknown variable: nwe'],
    ],
    [
      'a filter in single quotes',
      ruleWith(`filter: 'new.a == ''x'' && nwe.b == 1'`),
      ['4:32 BINGO_RULE_BAD_FILTER Unknown variable: nwe'],
    ],
    [
      'a plain filter',
      ruleWith('filter: new.a == 1 && nwe.b == 1'),
      ['4:27 BINGO_RULE_BAD_FILTER Unknown variable: nwe'],
    ],
    [
      'a literal filter',
      ruleWith('filter: |', '  new.a == 1', '    && nwe.b == 1'),
      ['6:12 BINGO_RULE_BAD_FILTER Unknown variable: nwe'],
    ],
    [
      'a folded filter',
      ruleWith('filter: >-', '  new.a == 1', '  && nwe.b == 1'),
      ['6:10 BINGO_RULE_BAD_FILTER Unknown variable: nwe'],
    ],
    [
      'a plain filter over lines',
      ruleWith('filter: new.a == 1', '  && nwe.b == 1'),
      ['5:10 BINGO_RULE_BAD_FILTER Unknown variable: nwe'],
    ],
    [
      'a number as filter',
      ruleWith('filter: 1 + 1'),
      ['4:13 BINGO_RULE_BAD_FILTER the expression must be true or false, but returns an int'],
    ],
    [
      'a template',
      ruleWith('actions: [{type: redis, cmd: DEL, key: "k:{{lowr id}}"}]'),
      ['4:49 BINGO_RULE_BAD_TEMPLATE unknown helper "lowr"'],
    ],
    [
      'an unquoted template',
      ruleWith('actions: [{type: redis, cmd: DEL, key: {{id}}}]'),
      ['4:45 BINGO_RULE_YAML this key is not a string', '4:44 BINGO_RULE_TYPE key must be a string, but is a map'],
    ],
    [
      'a template in a structure',
      ruleWith('actions: [{type: log, body: {a: [{b: "{{event.x}}"}]}}]'),
      ['4:45 BINGO_RULE_BAD_TEMPLATE the event has no "x"'],
    ],
    [
      'an unknown action type',
      ruleWith('actions: [{type: webhok}]'),
      ['4:22 BINGO_RULE_VALUE "webhok" is not a valid value of type'],
    ],
    ['no action type', ruleWith('actions: [{cmd: DEL}]'), ['4:15 BINGO_RULE_MISSING an action needs "type"']],
    [
      'a field of another type',
      ruleWith('actions: [{type: log, key: x}]'),
      ['4:27 BINGO_RULE_UNKNOWN_KEY unknown key "key" in a log action'],
    ],
    [
      'a missing field',
      ruleWith('actions: [{type: webhook}]'),
      ['4:15 BINGO_RULE_MISSING a webhook action needs "url"'],
    ],
    [
      'a bad when',
      ruleWith('actions: [{type: log, when: "op"}]'),
      ['4:34 BINGO_RULE_BAD_FILTER the expression must be true or false, but returns a string'],
    ],
    ['no actions', ruleWith('actions: []'), ['4:14 BINGO_RULE_VALUE actions is empty']],
    [
      'a number where a duration is meant',
      ruleWith('debounce: 100'),
      ['4:15 BINGO_RULE_TYPE debounce is "100", which is not a valid duration'],
    ],
    [
      'debounce without window',
      ruleWith('debounce: {maxBatch: 3}'),
      ['4:15 BINGO_RULE_MISSING debounce needs "window"'],
    ],
    [
      'maxWait under window',
      ruleWith('debounce: {window: 2s, maxWait: 1s}'),
      ['4:37 BINGO_RULE_VALUE maxWait is shorter than window'],
    ],
    [
      'retry',
      ruleWith('retry: {atempts: 3, max: soon}'),
      [
        '4:13 BINGO_RULE_UNKNOWN_KEY unknown key "atempts" in retry',
        '4:30 BINGO_RULE_TYPE retry.max is "soon", which is not a valid duration',
      ],
    ],
    [
      'retry.min over retry.max',
      ruleWith('retry: {min: 2s, max: 1s}'),
      ['4:12 BINGO_RULE_VALUE retry.min exceeds retry.max'],
    ],
    ['a rate', ruleWith('rate: 500'), ['4:11 BINGO_RULE_TYPE rate is "500", which is not a valid rate']],
    ['onFailure', ruleWith('onFailure: ignore'), ['4:16 BINGO_RULE_VALUE "ignore" is not a valid value of onFailure']],
    ['enabled', ruleWith('enabled: yes'), ['4:14 BINGO_RULE_TYPE enabled must be true or false, but is a string']],
    [
      'a table pattern',
      'rules: [{id: r, table: "a b", actions: [{type: log}]}]',
      ['1:24 BINGO_RULE_VALUE "a b" is not a valid table name or pattern'],
    ],
    [
      'an id that cannot be',
      'rules: [{id: "a#b", table: a, actions: [{type: log}]}]',
      ['1:14 BINGO_RULE_VALUE the rule id is not valid'],
    ],
    [
      'missing keys',
      'rules: [{}]',
      [
        '1:9 BINGO_RULE_MISSING a rule needs "id"',
        '1:9 BINGO_RULE_MISSING a rule needs "table" or "on"',
        '1:9 BINGO_RULE_MISSING a rule needs "actions"',
      ],
    ],
    ['a rule that is no map', 'rules: [x]', ['1:9 BINGO_RULE_TYPE rules[0] must be a map, but is a string']],
    ['rules that are no list', 'rules: {id: x}', ['1:8 BINGO_RULE_TYPE rules must be a list, but is a map']],
    ['another top-level key', 'rule: []', ['1:1 BINGO_RULE_UNKNOWN_KEY unknown key "rule" in a rules file']],
    ['a tab', 'rules:\n\t- id: x', ['2:1 BINGO_RULE_YAML a tab is used for indentation']],
    ['a key twice', 'rules: []\nrules: []', ['2:1 BINGO_RULE_YAML duplicate key "rules" in this map']],
    [
      'an integer beyond 2^53',
      ruleWith('delay: 9007199254740993'),
      [
        '4:12 BINGO_RULE_YAML 9007199254740993 exceeds 2^53 and would lose digits',
        '4:12 BINGO_RULE_TYPE delay is empty, which is not a valid duration',
      ],
    ],
    ['an alias without anchor', 'rules: *nothing', ['1:8 BINGO_RULE_YAML anchor &nothing is not defined above']],
  ])('%s', (_name, text, expected) => {
    expect(wrong(text)).toEqual(expected)
  })

  test('brackets that are nested far too deeply', () => {
    expect(wrong(`rules: ${'['.repeat(20_000)}${']'.repeat(20_000)}`)).toEqual([
      '1:108 BINGO_RULE_YAML maps or lists are nested too deeply',
    ])
    expect(wrong(`rules:\n  ${'- '.repeat(20_000)}x`)).toEqual([
      '2:203 BINGO_RULE_YAML maps or lists are nested too deeply',
    ])
    expect(wrong(`rules:\n  ${'{a: '.repeat(20_000)}`)).toEqual([
      '2:403 BINGO_RULE_YAML maps or lists are nested too deeply',
    ])
  })

  test('of more syntax errors than anybody reads, the first ones and their number', () => {
    const found = wrong(`  - id: a\nrules:\n${'['.repeat(5_000)}`)
    expect(found).toHaveLength(21)
    expect(found.at(-1)).toMatch(/^3:\d+ BINGO_RULE_YAML \d{4} more of such errors from here on$/)
  })

  test('an alias stands for the last anchor of its name before it', () => {
    const table = (name: string, id: string) => `{id: ${id}, table: ${name}, actions: [{type: log}]}`
    const text = `rules: [${table('&t a', 'r1')}, ${table('*t', 'r2')}, ${table('&t b', 'r3')}, ${table('*t', 'r4')}]`
    const listening = (name: string) =>
      load(text)
        .ruleSet.rules.filter((rule) => rule.listensTo('insert', 'shop', name))
        .map(({ id }) => id)
    expect([listening('a'), listening('b')]).toEqual([
      ['r1', 'r2'],
      ['r3', 'r4'],
    ])
    expect(wrong(`rules: [${table('*t', 'r1')}, ${table('&t a', 'r2')}]`)).toContain(
      '1:25 BINGO_RULE_YAML anchor &t is not defined above',
    )
  })

  test('maps inside each other by indentation, one level too many', () => {
    const nested = (levels: number) => Array.from({ length: levels }, (_, level) => `${' '.repeat(level)}a:`).join('\n')
    expect(wrong(nested(102))).toEqual(['102:102 BINGO_RULE_YAML maps or lists are nested too deeply'])
  })

  test('all at once, over several files, and both places of an id that is used twice', () => {
    const text = 'rules: [{id: r, table: t, actions: [{type: log}]}]'
    const found = problemsOf(() =>
      loadRulesFromText(
        [
          { path: '/a.yaml', name: 'a.yaml', text },
          { path: '/b.yaml', name: 'b.yaml', text: text.replace('log', 'lgo') },
        ],
        OPTIONS,
      ),
    )
    expect(found.map(({ location, message }) => `${location!.file} ${message}`)).toEqual([
      'b.yaml the id "r" is already used at a.yaml:1:14',
      'b.yaml "lgo" is not a valid value of type',
    ])
  })

  test('a file of nested aliases does not grow without bounds', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`)
    const text = ['a0: &a0 [x]', ...levels, 'rules: *a9'].join('\n')
    expect(wrong(text)[0]).toContain('the file has more than 100000 values')
  })
})

describe('Tables that are known', () => {
  const text = ruleWith(
    'filter: new.nmae == "x"',
    'actions: [{type: redis, cmd: DEL, key: "{{ID}}:{{emial}}", when: old.agee == 1}]',
  )

  test('make unknown columns problems at their place', () => {
    expect(wrong(text, { tables: [USERS] })).toEqual([
      '4:17 BINGO_RULE_UNKNOWN_COLUMN rule "r" reads column "nmae", which shop.users does not have',
      '5:74 BINGO_RULE_UNKNOWN_COLUMN rule "r" reads column "agee", which shop.users does not have',
      '5:54 BINGO_RULE_UNKNOWN_COLUMN rule "r" reads column "emial", which shop.users does not have',
    ])
  })

  test('make a rule that no table matches a warning', () => {
    const { warnings } = load(ruleWith(), { tables: [tableOf({ id: 'int' }, 'other')] })
    expect(warnings.map(({ code }) => code)).toEqual(['BINGO_RULE_NO_TABLE'])
  })
})

describe('Rules files', () => {
  let folder: string
  const rule = (id: string): string => `rules: [{id: ${id}, table: t, actions: [{type: log}]}]`

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bingo-rules-'))
    await mkdir(join(folder, 'sub', 'deep'), { recursive: true })
    await writeFile(join(folder, 'a.yaml'), rule('a'))
    await writeFile(join(folder, 'b.yml'), rule('b'))
    await writeFile(join(folder, 'notes.txt'), 'not a rule')
    await writeFile(join(folder, 'sub', 'c.yaml'), rule('c'))
    await writeFile(join(folder, 'sub', 'deep', 'd.yaml'), rule('d'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test.each([
    [['a.yaml'], ['a']],
    [['.'], ['a', 'b']],
    [['*.yaml'], ['a']],
    [['?.y*ml'], ['a', 'b']],
    [['a.yaml,sub'], ['a', 'c']],
    [['a.yaml', 'a.yaml', '*.yaml'], ['a']],
    [['**/*.yaml'], ['a', 'c', 'd']],
    [['sub/**/*.yaml'], ['c', 'd']],
    [['*/*.yaml'], ['c']],
  ])('%j', async (patterns, ids) => {
    const { ruleSet } = await loadRules({ ...OPTIONS, patterns, baseDir: folder })
    expect(ruleSet.rules.map(({ id }) => id)).toEqual(ids)
    expect(ruleSet.rules[0]!.location.file.startsWith('/')).toBe(false)
  })

  test('a pattern without a match is a problem, next to all others', async () => {
    await expect(loadRules({ ...OPTIONS, patterns: ['nope/*.yaml', 'a.yaml'], baseDir: folder })).rejects.toMatchObject(
      {
        problems: [{ code: 'BINGO_RULE_NO_FILES', message: 'no rules file matches "nope/*.yaml"' }],
      },
    )
  })

  test.each([
    ['nothing', '', '1:1 the file is empty'],
    ['only comments', '# rules: later\n', '1:1 the file is empty'],
    ['no entry', 'rules:\n#  - id: x\n', '1:1 "rules:" is empty'],
    ['an empty map', '{}', '1:1 the file has no rules'],
    ['null', '~', '1:1 the file is empty'],
  ])('a file without rules is an error: %s', (_name, text, expected) => {
    const [problem] = problemsOf(() => load(text))
    expect(`${problem!.location!.line}:${problem!.location!.column} ${problem!.message}`).toBe(expected)
    expect(problem!.hint).toContain('rules: []')
    expect(load('rules: []').ruleSet.rules).toEqual([])
  })

  test('a file that is not UTF-8 is an error at its place', async () => {
    const path = join(folder, 'latin1.yaml')
    const of = async (bytes: Buffer): Promise<string> => {
      await writeFile(path, bytes)
      const error = await loadRules({ ...OPTIONS, patterns: [path], baseDir: folder }).catch((each: unknown) => each)
      await rm(path)
      const { location, code, message } = (error as ProblemsError).problems[0]!
      return `${location!.line}:${location!.column} ${code} ${message}`
    }
    const text = rule('a').replace('table: t', 'table: größe').replace('[{id', '\n  [{id')
    expect(await of(Buffer.from(text, 'latin1'))).toBe('2:21 BINGO_RULE_YAML the file is not valid UTF-8 here')
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])
    expect(await of(utf16)).toBe('1:1 BINGO_RULE_YAML the file is UTF-16, not UTF-8')
  })

  test('a file that is too large is refused unread', async () => {
    const path = join(folder, 'large.txt')
    await writeFile(path, `#${'x'.repeat(1 << 20)}`)
    await expect(loadRules({ ...OPTIONS, patterns: [path], baseDir: folder })).rejects.toMatchObject({
      problems: [{ code: 'BINGO_RULE_FILE' }],
    })
  })
})

test('Problems are printed as a compiler prints them', () => {
  const problems = problemsOf(() => load(ruleWith('fliter: "true"', 'debounce: 100')))
  expect(formatProblems(problems, { color: false }))
    .toBe(`a.yaml:4:5 error BINGO_RULE_UNKNOWN_KEY unknown key "fliter" in a rule
  4 |     fliter: "true"
    |     ^
    hint: did you mean "filter"?

a.yaml:5:15 error BINGO_RULE_TYPE debounce is "100", which is not a valid duration
  5 |     debounce: 100
    |               ^
    hint: write for example 100ms, 1s, 5m, 1h or 1d
`)
  expect(formatProblems(problems, { color: true })).toContain('\u001B[1;31merror\u001B[0m')
})

test('points at a quote that is not closed, once', () => {
  const text = 'rules:\n  - id: a\n    on: "shop.customers\n    actions:\n      - type: log\n'
  expect(
    problemsOf(() => load(text)).map(({ location, message }) => [location?.line, location?.column, message]),
  ).toEqual([[3, 9, 'the quote that opens here is not closed']])
})

test.each([
  ['rules: [{id: a, table: users, actions: [{type: log}]\n', '1:9', '{', '}'],
  ['rules:\n  - id: a\n    table: users\n    actions: [{type: log]\n', '4:15', '{', '}'],
  ['rules:\n  - id: a\n    table: users\n    actions: [{type: log}\n  - id: b\n', '4:14', '[', ']'],
  ['rules:\n  - id: a\n    table: users\n    actions: [{type: "log}]\n', '4:22', 'quote', '"'],
])('points at the innermost thing that is not closed, once: %j', (text, place, opening, closing) => {
  const [problem, ...others] = problemsOf(() => load(text))
  expect(others).toEqual([])
  const { location, message, hint } = problem!
  expect(`${location?.line}:${location?.column} ${message}`).toBe(
    `${place} the ${opening} that opens here is not closed`,
  )
  expect(hint).toContain(closing)
})

test('tells once what is wrong with the address of a webhook', () => {
  const url = (text: string) => ruleWith('actions:', `  - {type: webhook, url: "${text}"}`)
  const told = (text: string) => problemsOf(() => load(url(text))).map(({ message }) => message)
  expect(told('http://127.0.0.1:99999/x')).toEqual([
    'not a valid http:// or https:// address: the port is not between 1 and 65535',
  ])
  expect(told('https://user:p/ss@crm.test/x')).toEqual([expect.stringContaining('the port is not a number')])
})
