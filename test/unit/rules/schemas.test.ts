import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ProblemsError } from '../../../src/model/errors.ts'
import type { Problem } from '../../../src/model/errors.ts'
import type { EventSchemas } from '../../../src/model/event/posted/event-schemas.ts'
import { loadRulesFromText } from '../../../src/rules/files/load.ts'
import type { LoadedRules } from '../../../src/rules/files/load.ts'
import { actionTypes } from '../../../src/targets/registry.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-schemas-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ORDER = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['id', 'items'],
  additionalProperties: false,
  properties: {
    id: { type: 'integer' },
    plan: { enum: ['free', 'pro', 'team'] },
    customer: { $ref: '#/$defs/customer' },
    items: { type: 'array', items: { type: 'object', required: ['sku'], properties: { sku: { type: 'string' } } } },
    'odd name': { type: 'string' },
  },
  patternProperties: { '^x-': { type: 'string' } },
  $defs: {
    customer: {
      type: 'object',
      required: ['email'],
      properties: { email: { type: 'string' }, parent: { $ref: '#/$defs/customer' } },
    },
  },
}
writeFileSync(join(folder, 'order.json'), JSON.stringify(ORDER))
writeFileSync(join(folder, 'broken.json'), '{"type": ')
writeFileSync(join(folder, 'wrong.json'), '{"type": "objekt"}')
writeFileSync(join(folder, 'list.json'), '[]')
writeFileSync(join(folder, 'remote.json'), '{"$ref": "https://example.com/x.json"}')

function load(text: string): LoadedRules {
  return loadRulesFromText([{ path: join(folder, 'r.yaml'), name: 'r.yaml', text }], {
    baseDir: folder,
    targets: new Map(),
    defaults: { redisUrl: 'redis://cache:6379', allowCidrs: [] },
    actionTypes: actionTypes(),
  })
}

const shown = (problems: readonly Problem[]): readonly string[] =>
  problems.map(
    ({ severity, location, code, message, hint }) =>
      `${severity} ${location?.line}:${location?.column} ${code} ${message} → ${hint}`,
  )

function problemsIn(text: string): readonly string[] {
  try {
    return shown(load(text).warnings)
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    return shown(error.problems)
  }
}

const schemasIn = (text: string): EventSchemas => load(`${text}\nrules: []`).ruleSet.schemas!

describe('A payload that does not fit the schema of its type', () => {
  const schemas = schemasIn(
    'schemas: {orders.order.create: order.json, "orders.**": {type: object}, "*.inline": {required: [a]}}',
  )

  test.each([
    [{ id: 1, items: [] }, null],
    [{ id: 1, items: [{ sku: 'a', more: 1 }], 'x-y': 'z', plan: 'pro' }, null],
    [{ id: 9007199254740993n, items: [] }, null],
    [{ items: [] }, { path: '$.payload.id', message: 'it is missing' }],
    [
      { id: 1, items: [{ sku: 'a' }, {}] },
      { path: '$.payload.items[1].sku', message: 'it is missing' },
    ],
    [
      { id: 1, items: [{ sku: 2 }] },
      { path: '$.payload.items[0].sku', message: 'must be string' },
    ],
    [
      { id: '1', items: [] },
      { path: '$.payload.id', message: 'must be integer' },
    ],
    [
      { id: 1, items: [], 'odd name': 1 },
      { path: '$.payload["odd name"]', message: 'must be string' },
    ],
    [
      { id: 1, items: [], plam: 'pro' },
      { path: '$.payload.plam', message: 'the schema has no such field' },
    ],
    [
      { id: 1, items: [], plan: 'gold' },
      { path: '$.payload.plan', message: 'it must be one of ["free","pro","team"]' },
    ],
    [null, { path: '$.payload', message: 'must be object' }],
    ['text', { path: '$.payload', message: 'must be object' }],
  ])('is refused with the path: %o', (payload, misfit) => {
    expect(schemas.misfitOf('orders.order.create', payload)).toEqual(misfit)
  })

  test('is judged by the schema of its very type, else by the first pattern, else not at all', () => {
    expect(schemas.misfitOf('orders.order.update', 1)).toEqual({ path: '$.payload', message: 'must be object' })
    expect(schemas.misfitOf('users.inline', {})).toEqual({ path: '$.payload.a', message: 'it is missing' })
    expect(schemas.misfitOf('users.user.create', 1)).toBeNull()
  })

  test('can be of an older draft', () => {
    const draft7 = schemasIn(
      'schemas: {a.b: {$schema: "http://json-schema.org/draft-07/schema#", definitions: {n: {type: integer}}, properties: {n: {$ref: "#/definitions/n"}}}}',
    )
    expect(draft7.misfitOf('a.b', { n: 'x' })).toEqual({ path: '$.payload.n', message: 'must be integer' })
  })

  test('is known by the files that have to be watched', () => {
    expect(schemas.files).toEqual([join(folder, 'order.json')])
    expect(load('rules: []').ruleSet.schemas).toBeUndefined()
  })
})

describe('A schema that cannot be used is reported at its place', () => {
  test.each([
    [
      'schemas: {a.b: none.json}',
      `error 1:16 BINGO_RULE_SCHEMA cannot read the schema none.json: ENOENT: no such file or directory, open '${folder}/none.json' → it is looked for at ${folder}/none.json`,
    ],
    [
      'schemas: {a.b: wrong.json}',
      'error 1:16 BINGO_RULE_SCHEMA the schema of a.b is not a valid JSON Schema: schema is invalid: data/type must be equal to one of the allowed values, data/type must be array, data/type must match a schema in anyOf → correct the schema; references to other files are not supported',
    ],
    [
      'schemas: {a.b: list.json}',
      'error 1:16 BINGO_RULE_SCHEMA list.json is not a JSON Schema → write an object: {"type": "object", …}',
    ],
    [
      'schemas: {a.b: remote.json}',
      "error 1:16 BINGO_RULE_SCHEMA the schema of a.b is not a valid JSON Schema: can't resolve reference https://example.com/x.json from id # → correct the schema; references to other files are not supported",
    ],
    [
      'schemas: {a..b: {}}',
      'error 1:11 BINGO_RULE_VALUE "a..b" is not a valid type or pattern of types → write for example schemas: {orders.order.create: schemas/order.json}',
    ],
    [
      'schemas: [a]',
      'error 1:10 BINGO_RULE_TYPE schemas must be a map, but is a list → write for example schemas: {orders.order.create: schemas/order.json}',
    ],
    [
      'schemas: {a.b: 7}',
      'error 1:16 BINGO_RULE_TYPE a schema must be a string, but is a number → put quotes around it: "7"',
    ],
  ])('%s', (text, problem) => {
    expect(problemsIn(`${text}\nrules: []`)).toEqual([problem])
  })

  test('broken JSON too', () => {
    expect(problemsIn('schemas: {a.b: broken.json}\nrules: []')[0]).toMatch(
      /^error 1:16 BINGO_RULE_SCHEMA broken\.json is not JSON: /,
    )
  })
})

describe('Rules are checked against the schemas of the types that they name', () => {
  const rule = (lines: string, on = 'orders.order.create'): string =>
    `schemas: {orders.order.create: order.json, orders.note.create: {properties: {text: {type: string}}}}\nrules:\n  - id: r\n    on: ${on}\n    ${lines}\n${lines.includes('actions:') ? '' : '    actions: [{type: log}]\n'}`

  test.each([
    [
      'match: {payload: {plam: [pro]}}',
      'error 5:23 BINGO_RULE_UNKNOWN_FIELD the schema of orders.order.create has no payload.plam → did you mean payload.plan?',
    ],
    [
      'match: {payload: {plan: [pro, gold]}}',
      'warning 5:23 BINGO_RULE_UNKNOWN_FIELD payload.plan never is "gold" → write one of "free", "pro", "team"',
    ],
    [
      'match: {payload: {plan: [profi]}}',
      'warning 5:23 BINGO_RULE_UNKNOWN_FIELD payload.plan never is "profi" → did you mean "pro"?',
    ],
    [
      'match: {payload: {id: ["17"]}}',
      'warning 5:23 BINGO_RULE_UNKNOWN_FIELD payload.id never is "17": it is integer → write a value of this type',
    ],
    [
      'match: {payload: {items: {skn: x}}}',
      'warning 5:31 BINGO_RULE_UNKNOWN_FIELD the schema of orders.order.create has no payload.items.skn → did you mean payload.items.sku?',
    ],
    [
      'filter: \'payload.customer.emial == "a"\'',
      'warning 5:14 BINGO_RULE_UNKNOWN_FIELD the schema of orders.order.create has no payload.customer.emial → did you mean payload.customer.email?',
    ],
    [
      'actions: [{type: redis, cmd: DEL, key: "o:{{payload.plan}}"}]',
      'warning 5:49 BINGO_RULE_UNKNOWN_FIELD payload.plan may be missing: rendering then fails → filter such events out, or write {{default payload.plan "none"}}',
    ],
    [
      'actions: [{type: log, body: {x: "{{event.payload.idd}}"}}]',
      'error 5:40 BINGO_RULE_UNKNOWN_FIELD the schema of orders.order.create has no payload.idd → did you mean payload.id?',
    ],
  ])('%s', (lines, problem) => {
    expect(problemsIn(rule(lines))).toEqual([problem])
  })

  test.each([
    'match: {payload: {plan: [pro], items: {sku: [{$startsWith: a}]}, x-region: eu, customer: {parent: {parent: {email: x}}}}}',
    'filter: \'payload.items[0].sku == "a" && payload.items.exists(i, i.sku == "b")\'',
    'actions: [{type: redis, cmd: DEL, key: "o:{{payload.id}}"}, {type: log, body: {x: "{{payload.items.[0].sku}}"}}]',
  ])('what the schema has is right: %s', (lines) => {
    expect(problemsIn(rule(lines))).toEqual([])
  })

  test('a rule for several types may read what one of them has', () => {
    expect(problemsIn(rule('filter: \'payload.text == "a" || payload.plan == "pro"\'', '"orders.**"'))).toEqual([])
    expect(problemsIn(rule("filter: 'payload.nothing == 1'", '"orders.**"'))).toHaveLength(1)
  })
})
