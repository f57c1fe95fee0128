import { expect, test } from 'vitest'
import { OutageLevels } from '../../../../src/model/delivery/outage-level.ts'

test('an outage of five minutes with a retry every second is logged seven times, at rising levels', () => {
  const levels = new OutageLevels()
  const told = [`0 ${levels.begin(0)}`]
  for (let second = 1; second <= 300; second++) {
    const level = levels.next(second * 1_000)
    if (level !== 'debug') told.push(`${second} ${level}`)
  }
  expect(told).toEqual(['0 info', '10 warn', '60 error', '110 error', '160 error', '210 error', '260 error'])
})

test('the next outage begins quietly again', () => {
  const levels = new OutageLevels()
  levels.begin(0)
  expect(levels.next(70_000)).toBe('warn')
  expect([levels.begin(80_000), levels.next(81_000), levels.next(90_000)]).toEqual(['info', 'debug', 'warn'])
})
