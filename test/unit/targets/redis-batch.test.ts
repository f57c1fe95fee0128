import { describe, expect, test } from 'vitest'
import { Utf8Bytes } from '../../../src/model/event/bytes/content.ts'
import { planCommands } from '../../../src/targets/redis/batch.ts'
import { CommandWriter } from '../../../src/targets/redis/command-writer.ts'
import { slotOf } from '../../../src/targets/redis/slot.ts'
import { compile, jobFor } from './action-spec.ts'

const del = compile({ type: 'redis', cmd: 'DEL', key: 'k:{{id}}' }).plan
const unlink = compile({ type: 'redis', cmd: 'UNLINK', keys: ['k:{{id}}', 'l:{{id}}'] }).plan
const set = compile({ type: 'redis', cmd: 'SET', key: 'k:{{id}}', value: '{{status}}' }).plan
const row = (id: number): { id: number; status: number } => ({ id, status: 1 })

describe('commands for a batch', () => {
  test('neighbouring removals become one command, without repeating a key', () => {
    const plan = planCommands([jobFor(del, row(1)), jobFor(del, row(2)), jobFor(del, row(1))])
    expect(plan).toEqual([{ tag: 'remove', verb: 'DEL', keys: new Set(['k:1', 'k:2']), from: 0, to: 3 }])
  })

  test('a command between two removals of a key keeps both of them', () => {
    const plan = planCommands([jobFor(del), jobFor(set), jobFor(del)])
    expect(plan.map(({ tag, from, to }) => [tag, from, to])).toEqual([
      ['remove', 0, 1],
      ['command', 1, 2],
      ['remove', 2, 3],
    ])
  })

  test('DEL and UNLINK stay apart, as a user may be granted only one of them', () => {
    const plan = planCommands([jobFor(del), jobFor(unlink)])
    expect(plan.map((operation) => operation.tag === 'remove' && [...operation.keys])).toEqual([
      ['k:1'],
      ['k:1', 'l:1'],
    ])
  })

  test('no command holds more than 1,000 keys', () => {
    const jobs = Array.from({ length: 2_500 }, (_, id) => jobFor(del, row(id)))
    expect(planCommands(jobs).map(({ from, to }) => to - from)).toEqual([1000, 1000, 500])
  })

  test.each([
    ['ASCII', ['a', 'bc'], '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\nbc\r\n'],
    ['other characters', ['é', '😀'], '*3\r\n$3\r\nSET\r\n$2\r\né\r\n$4\r\n😀\r\n'],
    ['long ones', ['x'.repeat(700)], `*2\r\n$3\r\nSET\r\n$700\r\n${'x'.repeat(700)}\r\n`],
    ['long ones that need more digits in bytes', ['é'.repeat(60)], `*2\r\n$3\r\nSET\r\n$120\r\n${'é'.repeat(60)}\r\n`],
    ['half a surrogate pair', ['\ud83d'], '*2\r\n$3\r\nSET\r\n$3\r\n\ufffd\r\n'],
    ['nothing', [''], '*2\r\n$3\r\nSET\r\n$0\r\n\r\n'],
  ])('a command is encoded with lengths in bytes: %s', (_, args, expected) => {
    const writer = new CommandWriter()
    writer.command('SET', args)
    expect(writer.take().toString()).toBe(expected)
  })

  test('bytes amid a larger buffer are written as their text is, whatever their length', () => {
    for (const text of ['', 'a', 'é😀', 'x'.repeat(99), 'é'.repeat(60), 'y'.repeat(100_000)]) {
      const [asText, asBytes] = [new CommandWriter(), new CommandWriter()]
      const buffer = Buffer.from(`<${text}>`)
      asText.command('XADD', ['k', '*', 'event', text, 'behind'])
      asBytes.command('XADD', ['k', '*', 'event', new Utf8Bytes(buffer, 1, buffer.length - 1), 'behind'])
      expect(asBytes.take().equals(asText.take())).toBe(true)
    }
  })

  test('commands that are planned for the client or a script have bytes as text', () => {
    const buffer = Buffer.from('<é>')
    const job = { ...jobFor(set), payload: { address: 'k', args: ['k', new Utf8Bytes(buffer, 1, 3)] } }
    expect(planCommands([job])).toMatchObject([{ tag: 'command', args: ['k', 'é'] }])
  })

  test('commands of more bytes than the buffer begins with are written whole, and the buffer is used again', () => {
    const writer = new CommandWriter()
    const values = Array.from({ length: 300 }, (_, i) => String(i % 10).repeat(1_000))
    const expected = values.map((value) => `*2\r\n$3\r\nSET\r\n$1000\r\n${value}\r\n`).join('')
    for (let round = 0; round < 2; round++) {
      for (const value of values) writer.command('SET', [value])
      expect(writer.take().toString()).toBe(expected)
      writer.reset()
    }
  })

  test('slots are those of the Cluster specification', () => {
    expect(slotOf('123456789')).toBe(0x31c3)
    expect(slotOf('foo{bar}baz')).toBe(slotOf('bar'))
    expect(slotOf('foo{}bar')).not.toBe(slotOf(''))
  })
})
