import { describe, expect, test } from 'vitest'
import type { Change } from '../../../src/model/event/change.ts'
import { EvaluationError } from '../../../src/model/errors.ts'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import { planCommands } from '../../../src/targets/redis/batch.ts'
import { changeOf, tableOf } from '../../support/match-tables.ts'
import { payloadOf, problemsIn, rulesFrom } from '../../support/rules-from-text.ts'

const USERS = tableOf({ id: 'bigint', name: 'varchar', email: 'varchar', tags: 'set', doc: 'json', score: 'double' })
const ROW = { id: 1, name: 'Ada', email: null, tags: ['a', 'b'], doc: { vip: true }, score: 1.5 }
const insert = changeOf(null, ROW, USERS)
const update = changeOf({ ...ROW, email: 'ada@example.com' }, ROW, USERS)
const remove = changeOf(ROW, null, USERS)
const TEXTS = ['id', '1', 'name', 'Ada', 'tags', 'a,b', 'doc', '{"vip":true}', 'score', '1.5']

/** The commands that an action sends for changes. */
function commandsOf(action: string, ...changes: readonly Change[]): readonly (readonly string[])[] {
  const [rule] = rulesFrom(`rules:\n  - id: r\n    table: users\n    actions: [${action}]`)
  const plan = rule!.actions[0]!
  const hold = { release: () => undefined }
  const jobs = changes.map((change) => new InFlightJob(plan, change, plan.bind(change.table)(change), 0, 0, hold, null))
  return planCommands(jobs).map((each) =>
    each.tag === 'command' ? [each.name, ...each.args] : [each.verb, ...each.keys],
  )
}

function failure(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof EvaluationError) return `${error.code} ${error.message} → ${error.hint}`
    throw error
  }
  throw new Error('nothing was thrown')
}

const HSET = '{type: redis, cmd: HSET, key: "u:{{id}}", fields: "{{new}}"}'

describe('HSET of a whole row', () => {
  test('leaves NULLs out, and removes their fields on UPDATE, after the rest is written', () => {
    expect(commandsOf(HSET, insert)).toStrictEqual([['HSET', 'u:1', ...TEXTS]])
    expect(commandsOf(HSET, update)).toStrictEqual([
      ['HSET', 'u:1', ...TEXTS],
      ['HDEL', 'u:1', 'email'],
    ])
  })

  test('writes NULLs as the empty text where that is asked for', () => {
    const action = HSET.replace('}"}', '}", nulls: empty}')
    expect(commandsOf(action, update)).toStrictEqual([
      ['HSET', 'u:1', 'id', '1', 'name', 'Ada', 'email', '', ...TEXTS.slice(4)],
    ])
  })

  test('takes any map that one expression gives, and sends no HSET of nothing', () => {
    const action = HSET.replace('{{new}}', '{{new.doc}}')
    const with_ = (doc: { readonly [name: string]: null | number }): Change =>
      changeOf({ ...ROW, doc: null }, { ...ROW, doc }, USERS)
    expect(commandsOf(action, with_({ a: 1, b: null }))).toStrictEqual([
      ['HSET', 'u:1', 'a', '1'],
      ['HDEL', 'u:1', 'b'],
    ])
    expect(commandsOf(action, with_({ b: null }))).toStrictEqual([['HDEL', 'u:1', 'b']])
    expect(commandsOf(action, with_({}))).toStrictEqual([])
  })

  test('does not touch the columns that a MINIMAL image leaves out', () => {
    expect(commandsOf(HSET, changeOf({ id: 1 }, { id: 1, name: null, score: 2 }, USERS))).toStrictEqual([
      ['HSET', 'u:1', 'id', '1', 'score', '2'],
      ['HDEL', 'u:1', 'name'],
    ])
  })

  test('fails where there is no map', () => {
    expect(failure(() => payloadOf(HSET, remove))).toContain('BINGO_REDIS_FIELDS `fields` is not a map here')
    expect(failure(() => payloadOf(HSET.replace('{{new}}', '{{new.name}}'), insert))).toContain('BINGO_REDIS_FIELDS')
  })

  test('reads the whole row', () => {
    const [rule] = rulesFrom(`rules:\n  - id: r\n    table: users\n    actions: [${HSET}]`)
    expect(rule!.actions[0]!.reads(USERS).new).toBe('all')
  })
})

test('XADD takes a whole row too, without its NULLs', () => {
  expect(commandsOf('{type: redis, cmd: XADD, key: s, fields: "{{new}}", maxlen: 10}', update)).toStrictEqual([
    ['XADD', 's', 'MAXLEN', '~', '10', '*', ...TEXTS],
  ])
  const nothing = changeOf(null, { id: 1, name: null, email: null, tags: null, doc: {}, score: null }, USERS)
  const action = '{type: redis, cmd: XADD, key: s, fields: "{{new.doc}}"}'
  expect(failure(() => payloadOf(action, nothing))).toContain('`fields` has nothing that is not NULL')
})

describe('Keys with NULL entries', () => {
  const DEL = '{type: redis, cmd: DEL, keys: ["u:{{new.email}}", "u:{{old.email}}"]'

  test('are an error, unless the rule says to leave such an entry out', () => {
    expect(failure(() => payloadOf(`${DEL}}`, update))).toContain('BINGO_TEMPLATE_NULL')
    expect(payloadOf(`${DEL}, nulls: skip}`, update)).toStrictEqual(['u:ada@example.com'])
    expect(commandsOf(`${DEL}, nulls: skip}`, update)).toStrictEqual([['DEL', 'u:ada@example.com']])
  })

  test('may leave nothing to drop', () => {
    expect(payloadOf(`${DEL}, nulls: skip}`, insert)).toStrictEqual([])
    const empty = changeOf({ ...ROW, email: '' }, { ...ROW, email: '' }, USERS)
    expect(payloadOf(`${DEL}, nulls: skip}`, empty)).toStrictEqual([])
  })

  test('still fail for other reasons', () => {
    const action = '{type: redis, cmd: UNLINK, keys: ["u:{{new.doc}}"], nulls: skip}'
    expect(failure(() => payloadOf(action, update))).toContain('BINGO_TEMPLATE_OBJECT')
  })
})

test('HDEL of a whole row removes the fields of all columns, NULL or not, and of an empty map is an error', () => {
  const action = '{type: redis, cmd: HDEL, key: "h:{{id}}", fields: "{{old}}"}'
  const [command] = commandsOf(action, remove)
  expect(command!.slice(0, 2)).toEqual(['HDEL', 'h:1'])
  expect(new Set(command!.slice(2))).toEqual(new Set(Object.keys(ROW)))
  const ofDoc = '{type: redis, cmd: HDEL, key: h, fields: "{{new.doc}}"}'
  const empty = changeOf({ ...ROW, doc: null }, { ...ROW, doc: {} }, USERS)
  expect(failure(() => payloadOf(ofDoc, empty))).toContain('BINGO_REDIS_FIELDS `fields` is empty')
})

describe('Counters in hashes and sorted sets', () => {
  test.each([
    ['{type: redis, cmd: HINCRBY, key: "h", field: "f:{{id}}", value: 5}', ['HINCRBY', 'h', 'f:1', '5']],
    ['{type: redis, cmd: HINCRBY, key: "h", field: f}', ['HINCRBY', 'h', 'f', '1']],
    [
      '{type: redis, cmd: ZINCRBY, key: board, member: "{{id}}", value: "{{new.score}}"}',
      ['ZINCRBY', 'board', '1.5', '1'],
    ],
    ['{type: redis, cmd: ZINCRBY, key: board, member: "{{id}}"}', ['ZINCRBY', 'board', '1', '1']],
    ['{type: redis, cmd: HDEL, key: h, args: [a, "{{name}}"]}', ['HDEL', 'h', 'a', 'Ada']],
  ])('%s', (action, expected) => {
    expect(commandsOf(action, insert)).toStrictEqual([expected])
  })

  test('take numbers only', () => {
    const hash = '{type: redis, cmd: HINCRBY, key: h, field: f, value: "{{new.score}}"}'
    expect(failure(() => payloadOf(hash, insert))).toContain('the value of HINCRBY must be a 64-bit integer')
    const board = '{type: redis, cmd: ZINCRBY, key: b, member: m, value: "{{new.name}}"}'
    expect(failure(() => payloadOf(board, insert))).toContain('ZINCRBY adds a number')
  })
})

test.each([
  ['cmd: HSET, key: k, fields: "{{new}} x"', 'BINGO_RULE_TYPE fields must be a map', 'fields: "{{new}}"'],
  ['cmd: HSET, key: k, fields: 7', 'BINGO_RULE_TYPE fields must be a map', 'fields: "{{new}}"'],
  ['cmd: HDEL, key: k, fields: {a: b}', 'BINGO_RULE_REDIS_FIELD HDEL takes names of fields', 'fields: "{{old}}"'],
  ['cmd: HSET, key: k, fields: {a: b}, nulls: omit', 'BINGO_RULE_REDIS_NULLS', 'write `fields: "{{new}}"`'],
  ['cmd: HSET, key: k, fields: "{{new}}", nulls: skip', 'BINGO_RULE_REDIS_NULLS', '`nulls: omit` or `nulls: empty`'],
  ['cmd: DEL, keys: [k], nulls: omit', 'BINGO_RULE_REDIS_NULLS', 'write `nulls: skip`'],
  ['cmd: DEL, key: k, nulls: skip', 'BINGO_RULE_REDIS_NULLS', 'write `keys: [...]`'],
  ['cmd: SET, key: k, value: v, nulls: empty', 'BINGO_RULE_REDIS_FIELD', 'SET takes: key, value, args, ttl, nx, xx'],
  ['cmd: HSET, key: k, fields: "{{new}}", exactlyOnce: true', 'BINGO_RULE_REDIS_NULLS', '`nulls: empty`'],
  ['cmd: HINCRBY, key: k, value: 1', 'BINGO_RULE_REDIS_FIELD_MISSING', 'field: "{{new.day}}"'],
  ['cmd: ZINCRBY, key: k, value: 1', 'BINGO_RULE_REDIS_FIELD_MISSING', 'member: "{{id}}"'],
  ['cmd: ZINCRBY, key: k, member: m, value: x', 'BINGO_RULE_REDIS_NUMBER', 'a number, or a template'],
])('%s is refused', (fields, problem, hint) => {
  const [found] = problemsIn(`rules:\n  - id: r\n    table: users\n    actions: [{type: redis, ${fields}}]`)
  expect(found).toContain(problem)
  expect(found).toContain(hint)
})

describe('args of a Redis command', () => {
  const of = (doc: unknown): Change => changeOf(null, { ...ROW, doc } as never, USERS)
  const action = (cmd: string, args: string): string => `{type: redis, cmd: ${cmd}, key: "k:{{id}}", args: ${args}}`

  test('are the entries of a map that one expression gives, without those that are NULL', () => {
    const scores = of({ ada: 3, bob: 1.5, cy: null })
    expect(commandsOf(action('HSET', '"{{new.doc}}"'), scores)).toStrictEqual([
      ['HSET', 'k:1', 'ada', '3', 'bob', '1.5'],
    ])
    expect(commandsOf(action('XADD', '"{{new.doc}}"'), scores)).toStrictEqual([
      ['XADD', 'k:1', '*', 'ada', '3', 'bob', '1.5'],
    ])
    expect(commandsOf(action('ZADD', '"{{new.doc}}"'), scores)).toStrictEqual([
      ['ZADD', 'k:1', '3', 'ada', '1.5', 'bob'],
    ])
  })

  test('are a map of templates', () => {
    expect(commandsOf(action('HSET', '{name: "{{new.name}}", of: row}'), insert)).toStrictEqual([
      ['HSET', 'k:1', 'name', 'Ada', 'of', 'row'],
    ])
    expect(commandsOf(action('ZADD', '{ada: "{{new.score}}"}'), insert)).toStrictEqual([['ZADD', 'k:1', '1.5', 'ada']])
    expect(failure(() => payloadOf(action('ZADD', '{ada: "{{new.name}}"}'), insert))).toContain(
      'BINGO_REDIS_NOT_A_NUMBER',
    )
    expect(problemsIn(`rules: [{id: r, table: t, actions: [${action('SADD', '{a: b}')}]}]`).join()).toContain(
      'BINGO_RULE_REDIS_ARGS',
    )
  })

  test('are the elements of a list that one expression gives, and one value where it gives one', () => {
    expect(commandsOf(action('SADD', '"{{new.doc}}"'), of(['x', 2, null]))).toStrictEqual([['SADD', 'k:1', 'x', '2']])
    expect(commandsOf(action('SADD', '"{{new.tags}}"'), insert)).toStrictEqual([['SADD', 'k:1', 'a', 'b']])
    expect(commandsOf(action('RPUSH', '"{{new.name}}"'), insert)).toStrictEqual([['RPUSH', 'k:1', 'Ada']])
    expect(commandsOf(action('SADD', '["{{new.tags}}"]'), insert)).toStrictEqual([['SADD', 'k:1', 'a,b']])
    expect(failure(() => payloadOf(action('SADD', '"{{new.email}}"'), insert))).toContain('BINGO_REDIS_FIELDS')
    expect(failure(() => payloadOf(action('SADD', '"{{new.doc}}"'), insert))).toContain('BINGO_REDIS_FIELDS')
  })

  test('that are none send nothing', () => {
    expect(commandsOf(action('SADD', '"{{new.doc}}"'), of([]))).toStrictEqual([])
    expect(commandsOf(action('ZADD', '"{{new.doc}}"'), of({ ada: null }))).toStrictEqual([])
  })

  test('never make options of data', () => {
    expect(failure(() => payloadOf(action('ZADD', '"{{new.doc}}"'), of({ '1': 'INCR' })))).toContain('NOT_A_NUMBER')
    expect(failure(() => payloadOf(action('ZADD', '"{{new.doc}}"'), of(['INCR', '1', 'a'])))).toContain('is not a map')
    const set = '{type: redis, cmd: SET, key: "k:{{id}}", value: x, args: "{{new.doc}}"}'
    expect(failure(() => payloadOf(set, of(['EX', '1'])))).toContain('is not a value')
  })
})
