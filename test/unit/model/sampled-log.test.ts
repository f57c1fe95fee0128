import { expect, test } from 'vitest'
import { SampledLog } from '../../../src/model/sampled-log.ts'
import { Life, SimClock } from '../../simulation/sim-clock.ts'

function setup() {
  const lines: { level: string; message: string; fields: object }[] = []
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, message, fields })
  const clock = new SimClock()
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const sampled = new SampledLog(log, clock.of(new Life()))
  const pass = (ms: number) => clock.run(() => false, clock.monotonicMs + ms)
  return { sampled, lines, pass, messages: () => lines.splice(0).map(({ message }) => message) }
}

test('The first lines of a rule and code are written as they come, and the others are counted every 10 s', async () => {
  const { sampled, lines, messages, pass } = setup()
  const write = (id: number) => sampled.write('warn', { rule: 'r', code: 'C', event: id }, 'failed')
  for (let id = 1; id <= 5; id++) write(id)
  expect(lines.map(({ fields }) => fields)).toMatchObject([1, 2, 3, 4, 5].map((event) => ({ event })))
  expect(messages()).toEqual(Array(5).fill('failed'))
  for (let id = 6; id <= 1_000; id++) write(id)
  expect(messages()).toEqual([])
  await pass(9_999)
  expect(messages()).toEqual([])
  await pass(1)
  expect(lines).toEqual([
    {
      level: 'warn',
      message: 'failed … and 995 more in 10 s',
      fields: { rule: 'r', code: 'C', event: 1_000, more: 995, ms: 10_000 },
    },
  ])
  messages()
  for (let id = 0; id < 20; id++) write(id)
  await pass(10_000)
  expect(messages()).toEqual(['failed … and 20 more in 10 s'])
})

test('Another rule, another code, another target and another message are told for themselves', () => {
  const { sampled, messages } = setup()
  const kinds = [
    { rule: 'a', target: 't', code: 'C' },
    { rule: 'b', target: 't', code: 'C' },
    { rule: 'a', target: 'u', code: 'C' },
    { rule: 'a', target: 't', code: 'D' },
  ]
  for (let i = 0; i < 6; i++) for (const fields of kinds) sampled.write('info', fields, 'retrying')
  sampled.write('info', kinds[0]!, 'gave up')
  expect(messages()).toHaveLength(4 * 5 + 1)
})

test('Messages that differ in a number are of one kind where the caller says so', () => {
  const { sampled, messages } = setup()
  for (let i = 1; i <= 8; i++) sampled.write('info', { rule: 'r' }, `recovered after ${i}`, 'recovered')
  sampled.flush()
  expect(messages().slice(4)).toEqual(['recovered after 5', 'recovered after 8 … and 3 more in 1 s'])
})

test('What is counted when the daemon stops is written then, and nothing afterwards', async () => {
  const { sampled, messages, pass } = setup()
  for (let i = 0; i < 12; i++) sampled.write('warn', { rule: 'r', code: 'C' }, 'failed')
  messages()
  await pass(2_000)
  sampled.flush()
  expect(messages()).toEqual(['failed … and 7 more in 2 s'])
  sampled.flush()
  await pass(60_000)
  expect(messages()).toEqual([])
})

test('A summary counts the events of its lines, and has the highest of their levels', () => {
  const { sampled, lines } = setup()
  for (let i = 0; i < 5; i++) sampled.write('info', { code: 'C', jobs: 1 }, 'parked')
  sampled.write('error', { code: 'C', jobs: 40 }, 'parked')
  sampled.write('info', { code: 'C', jobs: 2 }, 'parked')
  sampled.flush()
  expect(lines.at(-1)).toMatchObject({
    level: 'error',
    message: 'parked … and 42 more in 1 s',
    fields: { jobs: 42, more: 42 },
  })
})

test('One line that was held back is written as it was', () => {
  const { sampled, lines } = setup()
  for (let event = 0; event < 6; event++) sampled.write('warn', { code: 'C', event }, 'failed')
  sampled.flush()
  expect(lines.at(-1)).toEqual({ level: 'warn', message: 'failed', fields: { code: 'C', event: 5 } })
  expect(lines).toHaveLength(6)
})

test('What did not come for a while is told line by line again', async () => {
  const { sampled, messages, pass } = setup()
  for (let i = 0; i < 9; i++) sampled.write('warn', { rule: 'r', code: 'C' }, 'failed')
  await pass(30_000)
  expect(messages()).toHaveLength(6)
  for (let i = 0; i < 3; i++) sampled.write('warn', { rule: 'r', code: 'C' }, 'failed')
  expect(messages()).toEqual(['failed', 'failed', 'failed'])
})
