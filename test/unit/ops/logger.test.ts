import { expect, test } from 'vitest'
import { createLogOn, type LogOptions } from '../../../src/ops/logger.ts'

function capture(options: Partial<LogOptions> = {}) {
  const lines: Record<string, unknown>[] = []
  const log = createLogOn(
    { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    { level: 'info', rowValues: false, ...options },
  )
  return { log, lines }
}

test('a line has time, level, message and the fields', () => {
  const { log, lines } = capture({ bindings: { name: 'shop' } })
  log.child({ rule: 'r1' }).info({ table: 'users', lagMs: 3 }, 'rule loaded')
  expect(lines).toMatchObject([
    { level: 'info', name: 'shop', rule: 'r1', table: 'users', lagMs: 3, msg: 'rule loaded' },
  ])
  expect(lines[0]!['time']).toMatch(/^\d{4}-\d\d-\d\dT/)
})

test('secrets are hidden in fields and messages', () => {
  const { log, lines } = capture({ secrets: ['hunter22'] })
  log.warn({ url: 'redis://u:p@h', err: new Error('hunter22') }, 'failed with hunter22')
  expect(JSON.stringify(lines)).not.toContain('hunter22')
  expect(lines).toMatchObject([{ url: 'redis://***@h', msg: 'failed with ***' }])
})

test('row values are omitted unless they are allowed', () => {
  const fields = { rule: 'r', event: { id: '1' }, rowKey: 'shop.users:1', new: { email: 'x' } }
  const closed = capture()
  closed.log.warn(fields, 'x')
  expect(Object.keys(closed.lines[0]!).sort()).toEqual(['level', 'msg', 'rule', 'time'])
  const open = capture({ rowValues: true })
  open.log.warn(fields, 'x')
  expect(open.lines[0]).toMatchObject(fields)
})

test('lines below the level are not written', () => {
  const { log, lines } = capture({ level: 'warn' })
  log.debug({}, 'a')
  log.info({}, 'b')
  log.error({}, 'c')
  expect(lines.map((line) => line['msg'])).toEqual(['c'])
})
