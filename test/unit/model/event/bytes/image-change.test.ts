import { describe, expect, it } from 'vitest'
import { Matcher } from '../../../../../src/match/matcher.ts'
import type { MatchSink } from '../../../../../src/match/program/match-sink.ts'
import { ByteArena } from '../../../../../src/model/event/bytes/byte-arena.ts'
import { contentBytes, contentLength, Utf8Bytes, writeContent } from '../../../../../src/model/event/bytes/content.ts'
import type { Content } from '../../../../../src/model/event/bytes/content.ts'
import type { Change } from '../../../../../src/model/event/change.ts'
import { cloudEventOf } from '../../../../../src/model/event/forms/cloud-event.ts'
import { toDebeziumEvent } from '../../../../../src/model/event/forms/debezium-event.ts'
import { stringifyEvent, stringifyValue } from '../../../../../src/model/event/forms/event-json.ts'
import type { RuleSet } from '../../../../../src/model/rule/rule-set.ts'
import { compileRowImages } from '../../../../../src/sources/mysql/binlog/event-bytes/row-images.ts'
import { compileRowDecoder } from '../../../../../src/sources/mysql/binlog/rows/row-decoder.ts'
import type { KafkaPayload } from '../../../../../src/targets/kafka/options.ts'
import type { CommandPayload } from '../../../../../src/targets/redis/options.ts'
import { TRANSACTION } from '../../../../support/event-as-json.ts'
import { rulesFrom } from '../../../../support/rules-from-text.ts'
import { column, EVERY, tableOf } from '../../../sources/mysql/binlog/row-images.ts'

const table = { ...tableOf(column('id', 1), column('name', 15, 20, { collation: 255 })), key: [0] }

interface Taken {
  readonly change: Change
  readonly payload: Content
}

/** Runs the rules over rows of ids and names; the source's buffer is written over afterwards. */
function match(rules: string, rows: readonly (readonly [id: number, name: string])[], arena?: ByteArena): Taken[] {
  const taken: Taken[] = []
  const sink = {
    arena: () => arena,
    ruleMatched: () => undefined,
    matched: (_action: unknown, change: Change, payload: Content) => {
      change.taken()
      taken.push({ change, payload })
    },
    failed: () => expect.unreachable(),
  } as unknown as MatchSink
  const buffer = Buffer.concat(rows.map(([id, name]) => Buffer.from([0, id, name.length, ...Buffer.from(name)])))
  const shape = { presentOld: EVERY, presentNew: EVERY, partialJson: false }
  const block = { table, op: 'insert' as const, buffer, start: 0, end: buffer.length, ...shape, firstSeq: 0 }
  const matcher = new Matcher({ rules: rulesFrom(rules) } as RuleSet, compileRowDecoder, undefined, compileRowImages)
  matcher.program(block)!.run(block, TRANSACTION, -1, sink)
  buffer.fill(0xff)
  return taken
}

const LOG = '{type: log, path: stdout}'

describe('An event of a row that is matched', () => {
  it.each([
    ['in the buffer of its lane', new ByteArena(64, 256)],
    ['by itself', undefined],
  ])('is bytes %s, and its change has all columns, when the source has gone on', (_where, arena) => {
    const rows = Array.from({ length: 40 }, (_, i) => [i, `name ${i}`] as const)
    const taken = match(`rules:\n  - {id: a, table: shop.made, filter: "new.id > 2", actions: [${LOG}]}\n`, rows, arena)
    expect(taken).toHaveLength(37)
    for (const [i, { change, payload }] of taken.entries()) {
      expect(payload).toBeInstanceOf(Utf8Bytes)
      expect(change.new).toEqual({ id: i + 3 })
      expect(change.whole.new).toEqual({ id: i + 3, name: `name ${i + 3}` })
      expect(String(payload)).toBe(stringifyEvent(change.whole))
      expect(contentBytes(payload).toString()).toBe(String(payload))
      const copy = Buffer.alloc(contentLength(payload))
      expect(writeContent(payload, copy, 0)).toBe(copy.length)
      expect(copy.toString()).toBe(String(payload))
    }
  })

  it('goes to Kafka as bytes, with its topic and its key', () => {
    const action = '{type: kafka, brokers: ["kafka:9092"], topic: "t-{{new.name}}"}'
    const rows = [
      [7, 'ann'],
      [8, 'bob'],
    ] as const
    const taken = match(`rules:\n  - {id: a, table: shop.made, actions: [${action}]}\n`, rows, new ByteArena(64, 256))
    expect(taken).toHaveLength(2)
    for (const [i, { change, payload }] of taken.entries()) {
      const { topic, key, value } = payload as unknown as KafkaPayload
      expect([topic, key]).toEqual([`t-${rows[i]![1]}`, `${rows[i]![0]}`])
      expect(value).toBeInstanceOf(Utf8Bytes)
      expect(String(value)).toBe(stringifyEvent(change.whole))
    }
  })

  it.each([
    ['debezium', (change: Change) => stringifyValue(toDebeziumEvent(change))],
    ['cloudevents', (change: Change) => stringifyValue(cloudEventOf(change))],
  ] as const)('is bytes in the format %s', (format, stringify) => {
    const action = `{type: kafka, brokers: ["kafka:9092"], topic: t, format: ${format}}`
    const rules = `rules:\n  - {id: a, table: shop.made, filter: "new.id > 1", actions: [${action}]}\n`
    const rows = Array.from({ length: 5 }, (_, i) => [i, `name ${i}`] as const)
    for (const arena of [new ByteArena(64, 256), undefined]) {
      const taken = match(rules, rows, arena)
      expect(taken).toHaveLength(3)
      for (const { change, payload } of taken) {
        const { value } = payload as unknown as KafkaPayload
        expect(value).toBeInstanceOf(Utf8Bytes)
        expect(String(value)).toBe(stringify(change.whole))
      }
    }
  })

  it.each([
    ['XADD', 'cmd: XADD, key: "k-{{new.name}}", maxlen: 10', ['MAXLEN', '~', '10', '*', 'event']],
    ['XADD that happens once', 'cmd: XADD, key: "k-{{new.name}}", exactlyOnce: true', ['*', 'event']],
    ['PUBLISH', 'cmd: PUBLISH, channel: "k-{{new.name}}"', []],
  ])('goes to Redis as bytes, with its key: %s', (_, written, between) => {
    const rules = `rules:\n  - {id: a, table: shop.made, actions: [{type: redis, url: "redis://redis", ${written}}]}\n`
    const rows = [
      [7, 'ann'],
      [8, 'bob'],
    ] as const
    const taken = match(rules, rows, new ByteArena(64, 256))
    expect(taken).toHaveLength(2)
    for (const [i, { change, payload }] of taken.entries()) {
      const { address, args } = payload as unknown as CommandPayload
      expect(address).toBe(`k-${rows[i]![1]}`)
      expect(args.at(-1)).toBeInstanceOf(Utf8Bytes)
      expect(args.map(String)).toEqual([address, ...between, stringifyEvent(change.whole)])
    }
  })

  it.each([
    ['a log', `{type: log, path: stdout, body: BODY}`, (sent: unknown) => sent],
    [
      'Kafka',
      `{type: kafka, brokers: ["kafka:9092"], topic: t, value: BODY}`,
      (sent: unknown) => (sent as KafkaPayload).value,
    ],
    [
      'Redis',
      `{type: redis, url: "redis://r", cmd: SET, key: k, value: BODY}`,
      (sent: unknown) => (sent as CommandPayload).args[1],
    ],
    [
      'NATS',
      `{type: nats, url: "nats://n:4222", subject: s, body: BODY}`,
      (sent: unknown) => (sent as { body: Content }).body,
    ],
  ] as const)('is a structure of its columns as bytes for %s', (_, action, sent) => {
    const body = '{id: "{{id}}", of: ["{{new.name}}", "{{event.id}}", null], text: "<{{name}}>"}'
    const rules = `rules:\n  - {id: a, table: shop.made, actions: [${action.replace('BODY', body)}]}\n`
    const rows = [
      [7, 'ann'],
      [8, 'b"b'],
    ] as const
    const render = (arena?: ByteArena): unknown[] => match(rules, rows, arena).map(({ payload }) => sent(payload))
    const written = render(new ByteArena(64, 256))
    expect(written.map(String)).toEqual([
      `{"id":7,"of":["ann","${TRANSACTION.id}/0",null],"text":"<ann>"}`,
      `{"id":8,"of":["b\\"b","${TRANSACTION.id}/1",null],"text":"<b\\"b>"}`,
    ])
    expect(render()).toEqual(written.map(String))
  })

  it('is the same for several rules, of which one asks for a decoded column', () => {
    const rules = `rules:
  - {id: a, table: shop.made, actions: [${LOG}, ${LOG}]}
  - {id: b, table: shop.made, actions: [{type: log, path: stdout, body: {name: "{{new.name}}"}}]}
`
    const taken = match(
      rules,
      [
        [1, 'ann'],
        [2, 'bob'],
      ],
      new ByteArena(),
    )
    const whole = (id: number): string => taken.find(({ change }) => change.whole.new!['id'] === id)!.payload.toString()
    const sent = (id: number, name: string): string[] => [whole(id), whole(id), `{"name":"${name}"}`]
    expect(taken.map(({ payload }) => String(payload))).toEqual([...sent(1, 'ann'), ...sent(2, 'bob')])
    expect(JSON.parse(whole(2))).toMatchObject({ op: 'insert', new: { id: 2, name: 'bob' }, changed: ['id', 'name'] })
  })
})
