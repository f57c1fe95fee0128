import { expect, test } from 'vitest'
import { createPipeline } from '../../../src/index.ts'
import type { TargetOptions, TargetType } from '../../../src/index.ts'
import { Collector, counting } from '../../support/library.ts'

const FIELDS: TargetType['fields'] = {
  host: { kind: 'string', required: true, doc: 'Where to.' },
  ttl: { kind: 'duration', doc: 'How long.' },
  tls: { kind: 'object', doc: 'TLS.', fields: { ca: { kind: 'string', doc: 'CA.' } } },
  topic: { kind: 'template', doc: 'Topic.' },
  note: { kind: 'text', doc: 'Note.' },
  tags: { kind: 'templateList', doc: 'Tags.' },
  headers: { kind: 'templateMap', doc: 'Headers.' },
  data: { kind: 'structure', doc: 'Data.' },
  limit: { kind: 'bytes', doc: 'Size.' },
  pace: { kind: 'rate', doc: 'Rate.' },
  count: { kind: 'integer', doc: 'Count.' },
  mode: { kind: 'enum', values: ['a', 'b'], doc: 'Mode.' },
  names: { kind: 'stringList', doc: 'Names.' },
  labels: { kind: 'stringMap', doc: 'Labels.' },
  loud: { kind: 'boolean', doc: 'Loud.' },
  place: { kind: 'object', doc: 'Place.', fields: { room: { kind: 'text', doc: 'Room.' } } },
}

async function run(rules: string, settings = {}) {
  const collector = new Collector()
  const opened: [string, TargetOptions][] = []
  const type: TargetType = {
    type: 'collect',
    fields: FIELDS,
    targetFields: ['host', 'ttl', 'tls'],
    open: (options, { target }) => {
      opened.push([target, options])
      return { send: (messages) => collector.take(messages) }
    },
  }
  const options = { name: 'app', sources: [counting(1)], targets: [type], state: 'memory:' }
  await (await createPipeline({ ...options, rules, settings })).run()
  return { opened, messages: collector.messages }
}

test('Fields of every kind reach the target: those of the address once, the others with each message', async () => {
  const { opened, messages } = await run(`
rules:
  - id: one
    table: users
    actions:
      - type: collect
        host: h
        ttl: 2s
        tls: {ca: x}
        topic: "u.{{id}}"
        note: ""
        tags: ["{{name}}", b]
        headers: {n: "{{id}}"}
        data: {id: "{{id}}", list: [1]}
        limit: 2KiB
        pace: 120/m
        count: 3
        mode: b
        names: [x, y]
        labels: {k: v}
        loud: true
        place: {room: "r{{id}}"}
        body: "{{name}}"`)
  expect(opened).toEqual([['collect', { host: 'h', ttl: 2_000, tls: { ca: 'x' } }]])
  expect(messages.map(({ body, fields }) => ({ body, fields }))).toEqual([
    {
      body: 'user 1',
      fields: {
        topic: 'u.1',
        note: '',
        tags: ['user 1', 'b'],
        headers: { n: '1' },
        data: { id: 1, list: [1] },
        limit: 2_048,
        pace: 2,
        count: 3,
        mode: 'b',
        names: ['x', 'y'],
        labels: { k: 'v' },
        loud: true,
        place: { room: 'r1' },
      },
    },
  ])
})

test('Actions with one address share a target; others, and named ones, have their own', async () => {
  const rule = (id: string, action: string): string => `  - {id: ${id}, table: users, actions: [{${action}}]}\n`
  const { opened } = await run(
    `rules:\n${rule('a', 'type: collect, host: one')}${rule('b', 'type: collect, host: one')}${rule(
      'c',
      'type: collect, host: two',
    )}${rule('d', 'target: shelf')}`,
    { targets: { shelf: { type: 'collect', host: 'three' } } },
  )
  expect(opened.toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
    ['collect (a)', { host: 'one' }],
    ['collect (c)', { host: 'two' }],
    ['shelf', { host: 'three' }],
  ])
})
