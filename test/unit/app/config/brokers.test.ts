import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { brokerAddress } from '../../../../src/app/brokers/open-brokers.ts'
import { loadConfig, readConfig } from '../../../../src/app/config/load.ts'
import { topicMatcher } from '../../../../src/sources/broker/topic-pattern.ts'

let cwd: string

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'bingo-brokers-'))
  mkdirSync(join(cwd, 'config'))
})

afterEach(() => rmSync(cwd, { recursive: true }))

function load(text: string) {
  writeFileSync(join(cwd, 'config/bingo.yaml'), text)
  return loadConfig({ env: {}, cwd, sourceRequired: 'unless events' }).config
}

function problems(entry: string): readonly string[] {
  writeFileSync(join(cwd, 'config/bingo.yaml'), `sources:\n  - ${entry}\n`)
  return readConfig({ env: {}, cwd, sourceRequired: 'unless events' }).problems.map(
    ({ code, message, location, hint }) => `${location?.line}:${location?.column} ${code} ${message} (${hint})`,
  )
}

describe('a broker in `sources`', () => {
  test('needs a type, an address and topics, and no server beside it', () => {
    const { sources, brokers } = load(
      'sources:\n  - {type: kafka, url: "kafka://k:9092", topics: ["shop.*", orders]}\n',
    )
    expect(sources).toEqual([])
    expect(brokers).toMatchObject([
      {
        name: 'kafka',
        type: 'kafka',
        topics: ['shop.*', 'orders'],
        group: null,
        format: 'bingo',
        start: { tag: 'latest' },
        onGap: 'stop',
        eventType: null,
      },
    ])
  })

  test('stands beside a server, in the list or in the short form', () => {
    const broker = '  - {type: kafka, url: "kafka://k", topics: orders, from: 2026-11-28T10:00:00Z}\n'
    const listed = load(`sources:\n  - {name: shop, type: mysql, url: "mysql://bingo@db"}\n${broker}`)
    const short = load(`source: {url: "mysql://bingo@db"}\nsources:\n${broker}`)
    expect([listed, short].map(({ sources }) => sources.map(({ name }) => name))).toEqual([['shop'], ['binlog']])
    expect(short.brokers[0]!.start).toEqual({ tag: 'time', ms: 1_795_860_000_000 })
  })

  test.each([
    ['{type: kafak, url: "kafka://k", topics: a}', '2:12 BINGO_CONFIG_BROKER', 'Did you mean "kafka"?'],
    ['{type: kafka, url: "kafka://k"}', '2:5 BINGO_CONFIG_BROKER source kafka: it has no topics', 'topics: [orders'],
    ['{type: kafka, topics: a}', 'it has no url', 'kafka://user:password@host:9092'],
    ['{type: kafka, url: "redis://k", topics: a}', 'it is not the address of Kafka', 'kafka://'],
    ['{type: kafka, url: "kafka://k/orders", topics: a}', 'a name stands behind the host', 'topics'],
    ['{type: kafka, url: "kafka://k?ssl=true", topics: a}', '?ssl is not an option', 'tls=verify-full'],
    ['{type: kafka, url: "kafka://u:secret@k?sasl=MD5", topics: a}', '?sasl=MD5 is not a mechanism', 'SCRAM-SHA-512'],
    [
      '{type: kafka, url: "kafka://k", topics: ["a b"]}',
      '2:46 BINGO_CONFIG_BROKER source kafka: "a b" is not valid in topics',
      'letters',
    ],
    [
      '{type: kafka, url: "kafka://k", topics: a, from: yesterday}',
      '"yesterday" is not a valid value of from',
      'earliest',
    ],
    ['{type: kafka, url: "kafka://k", topics: a, from: "2026-11-28T10:00"}', 'is not a valid value of from', 'zone'],
    ['{type: kafka, url: "kafka://k", topics: a, format: avro}', '"avro" is not a valid value of format', 'debezium'],
    ['{type: kafka, url: "kafka://k", topics: a, topcis: b}', 'unknown key "topcis"', 'Did you mean "topics"?'],
    ['{type: kafka, url: "kafka://k", topics: a, name: "a b"}', 'is not a valid name of a source', 'letters'],
    ['{type: kafka, url: "kafka://k", topics: a, name: events}', 'another source has the name "events"', 'another one'],
    [
      '{type: kafka, url: "kafka://k", topics: a, group: "my shop"}',
      '2:55 BINGO_CONFIG_BROKER source kafka: "my shop" is not a valid group',
      'without spaces',
    ],
    ['{type: kafka, url: "kafka://k", topics: a, group: ""}', 'group is empty', 'group: shop'],
    ['{type: nats, url: "nats://n", stream: S, durable: a.b}', '"a.b" is not a valid durable', 'without spaces, "."'],
    ['{type: nats, url: "nats://n"}', 'it has no stream', 'stream: ORDERS'],
    ['{type: nats, url: "nats://n", stream: S, subjects: ["a..b"]}', '"a..b" is not valid in subjects', 'dots'],
    ['{type: redis, url: "redis://r", group: g}', 'it has no streams', 'streams'],
  ])('%s is refused with its place', (entry, what, hint) => {
    const found = problems(entry)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(what)
    expect(found[0]).toContain(hint)
    expect(found[0]).not.toContain('secret')
  })

  test('two of one type need names', () => {
    const entry = '{type: kafka, url: "kafka://k", topics: a}'
    expect(problems(`${entry}\n  - ${entry}`)).toEqual([expect.stringContaining('another source has the name "kafka"')])
  })

  test('has secrets put in when it is opened, escaped, and never shown', () => {
    const { brokers } = load('sources:\n  - {type: kafka, url: "kafka://u:${env:PASS}@k:9092?sasl=PLAIN", topics: a}\n')
    const address = brokerAddress(brokers[0]!, { PASS: 'p@ss/word' }, cwd)
    expect(address).toMatchObject({
      login: { sasl: { username: 'u', password: 'p@ss/word' } },
      printable: 'kafka://k:9092',
    })
    expect(() => brokerAddress(brokers[0]!, {}, cwd)).toThrow(
      expect.objectContaining({ code: 'BINGO_CONFIG_SECRET' }) as Error,
    )
  })
})

test('a pattern of topics takes any characters for *, one for ?, and no others for what is special elsewhere', () => {
  const matches = topicMatcher(['shop.*', 'a?c', 'plain+name'])
  const names = [
    'shop.orders',
    'shop.eu.orders',
    'shopxorders',
    'abc',
    'abbc',
    'plain+name',
    'plainname',
    'my.shop.orders',
  ]
  expect(names.filter(matches)).toEqual(['shop.orders', 'shop.eu.orders', 'abc', 'plain+name'])
})
