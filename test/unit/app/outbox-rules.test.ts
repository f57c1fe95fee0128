import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/app/config/load.ts'
import { rulesFor } from '../../../src/cli/rules-for.ts'
import { ProblemsError } from '../../../src/model/errors.ts'
import type { PostedEvent } from '../../../src/model/event/posted/posted-event.ts'
import type { TableDef } from '../../../src/model/table/table.ts'
import { EventPrograms } from '../../../src/match/event-programs.ts'
import type { LoadedRules } from '../../../src/rules/files/load.ts'
import { changeOf, tableOf } from '../../support/match-tables.ts'
import { posted } from '../../support/posted-events.ts'

const TABLE = tableOf(
  { id: 'varchar', aggregate_id: 'varchar', event_type: 'varchar', topic: 'varchar', payload: 'json', headers: 'json' },
  'outbox',
)
let cwd: string

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'bingo-outbox-rules-'))
})

afterEach(() => rmSync(cwd, { recursive: true }))

function load(outbox: string, tables?: readonly TableDef[]): Promise<LoadedRules> {
  const file = join(cwd, 'bingo.yaml')
  writeFileSync(file, `source: {url: "mysql://bingo@db"}\noutbox:\n${outbox}\n`)
  const { config } = loadConfig({ file, env: {}, cwd, sourceRequired: true })
  return rulesFor(config, { tables })
}

/** What the one action of `to` makes of an event of the outbox. */
async function sent(to: string, event: Parameters<typeof posted>[0] = {}): Promise<unknown> {
  const { ruleSet } = await load(`  - {table: shop.outbox, to: ${to}}`)
  const [action] = ruleSet.rules[1]!.actions
  return action!.bind(EVENT(event).table)(EVENT(event))
}

const CONTEXT = { outbox: 'shop.outbox', topic: 'orders', headers: { tenant: 'acme' } }
const EVENT = (fields: Parameters<typeof posted>[0]): PostedEvent =>
  posted({ source: 'outbox', key: 'order-17', payload: { n: 9_007_199_254_740_993n }, context: CONTEXT, ...fields })

test('a target that is called outbox is not where rows of outboxes wait', async () => {
  const { ruleSet } = await load(
    "  - {table: shop.outbox, to: {target: outbox, cmd: RPUSH, key: all, value: x}}\ntargets: {outbox: {type: redis, url: 'redis://h'}}",
  )
  const [rows, sends] = ruleSet.rules.map(({ actions }) => actions[0]!.target.id)
  expect(sends).toBe('outbox')
  expect(rows).not.toBe(sends)
})

describe('to', () => {
  const KAFKA = '{type: kafka, brokers: ["kafka:9092"], topic: "{{topic}}", key: "{{key}}"}'

  test('sends the payload alone, exactly, to the topic of the row, with its headers', async () => {
    expect(await sent(KAFKA)).toEqual({
      topic: 'orders',
      key: 'order-17',
      value: '{"n":9007199254740993}',
      headers: { tenant: 'acme', 'bingo-correlation-id': 'e1' },
    })
  })

  test.each([
    ['a payload that is null is a record without a value', null, null],
    ['text is sent as it is', '<order/>', '<order/>'],
    ['blank text too', ' ', ' '],
  ])('%s', async (_case, payload, value) => {
    expect(await sent(KAFKA, { payload })).toMatchObject({ value })
  })

  test('puts columns of the envelope beside the payload', async () => {
    const context = { ...CONTEXT, envelope: { version: 3, tenant: null } }
    const { value } = (await sent(KAFKA, { payload: { a: 1 }, context })) as { value: string }
    expect(JSON.parse(value)).toEqual({ payload: { a: 1 }, version: 3, tenant: null })
  })

  test('sends what the action says, where it says something', async () => {
    const event = await sent(KAFKA.replace('}}"}', '}}", format: event}'), { payload: 1 })
    expect(JSON.parse((event as { value: string }).value)).toMatchObject({ payload: 1, source: 'outbox' })
    const own = await sent(KAFKA.replace('}}"}', '}}", value: {t: "{{headers.tenant}}"}, headers: {tenant: own}}'))
    expect(own).toMatchObject({ value: '{"t":"acme"}', headers: { tenant: 'own' } })
  })

  test('refuses headers of a row that would say on whose behalf a request is made', async () => {
    const context = { ...CONTEXT, headers: { Authorization: 'Bearer x' } }
    await expect(sent('{type: webhook, url: "https://crm.example.com/"}', { context })).rejects.toMatchObject({
      code: 'BINGO_WEBHOOK_HEADER_INVALID',
    })
  })

  test('is for the rows of its own outbox', async () => {
    const { ruleSet } = await load(
      '  - {table: shop.outbox, to: {type: log}}\n  - {table: shop.other, source: other, to: {type: log}}',
    )
    expect(ruleSet.rules.map(({ id }) => id)).toEqual([
      'outbox shop.outbox',
      'outbox shop.other',
      'outbox shop.outbox to',
      'outbox shop.other to',
    ])
    const programs = new EventPrograms(ruleSet.rules)
    const matched: string[] = []
    const nothing = (): null => null
    const decided = { matched: nothing, deferred: nothing, failed: nothing }
    const sink = { ...decided, cancelled: nothing, newer: nothing, exceeded: nothing }
    const ruleMatched = ({ id }: { readonly id: string }): void => void matched.push(id)
    programs.of('orders.order.create')!.run(EVENT({}), 0, { ...sink, ruleMatched })
    programs.of('orders.order.create')!.run(EVENT({ context: {} }), 0, { ...sink, ruleMatched })
    expect(matched).toEqual(['outbox shop.outbox to'])
  })

  test('tells mistakes at their places in the configuration', async () => {
    const loading = load('  - table: shop.outbox\n    to: {type: kafka, brokers: ["kafka:9092"], topics: x}')
    const { problems } = await loading.then(
      () => new ProblemsError([]),
      (error: ProblemsError) => error,
    )
    expect(problems.map(({ code, location }) => `${location!.line}:${location!.column} ${code}`)).toEqual([
      '4:48 BINGO_RULE_UNKNOWN_KEY',
      '4:9 BINGO_RULE_MISSING',
    ])
  })
})

describe('the rule of the rows', () => {
  test('makes the event of a row, and is for INSERTs only', async () => {
    const { ruleSet } = await load('  - {table: shop.outbox}')
    const [rule] = ruleSet.rules
    expect(rule!.listensTo('insert', 'shop', 'outbox')).toBe(true)
    expect(rule!.listensTo('update', 'shop', 'outbox')).toBe(false)
    const row = { id: 'e-1', aggregate_id: 'a', event_type: null, topic: 'orders', payload: { n: 1 }, headers: null }
    const made = rule!.actions[0]!.bind(TABLE)
    expect(made(changeOf(null, row, TABLE))).toMatchObject({ id: 'e-1', type: 'orders', key: 'a', payload: { n: 1 } })
    expect(() => made(changeOf(null, { ...row, topic: null }, TABLE))).toThrow('topic: it is NULL or empty')
  })

  test('is checked against the tables of a source', async () => {
    const lacking = { ...TABLE, columns: TABLE.columns.filter(({ name }) => name !== 'payload') }
    await expect(load('  - {table: shop.outbox}', [lacking])).rejects.toMatchObject({
      problems: [
        { code: 'BINGO_RULE_UNKNOWN_COLUMN', message: expect.stringContaining('no column "payload"') as string },
      ],
    })
    const { warnings } = await load('  - {table: shop.outbx}', [TABLE])
    expect(warnings).toMatchObject([{ code: 'BINGO_RULE_NO_TABLE', hint: 'did you mean "shop.outbox"?' }])
  })

  test('needs no rules file where none is named', async () => {
    expect((await load('  - {table: shop.outbox}')).ruleSet.files).toEqual([])
  })
})
