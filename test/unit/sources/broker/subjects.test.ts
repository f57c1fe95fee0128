import { expect, test } from 'vitest'
import { subjectsMeet } from '../../../../src/sources/broker/nats/subject.ts'

test.each([
  ['orders.17', 'orders.*', true],
  ['orders.>', 'orders.17.paid', true],
  ['orders.*', 'orders.17.paid', false],
  ['*.paid', 'orders.>', true],
  ['orders', 'orders.>', false],
  ['>', 'orders', true],
  ['users.>', 'orders.>', false],
  ['*.*', 'orders', false],
])('some subject matches both %s and %s: %s', (one, other, meet) => {
  expect([subjectsMeet(one, other), subjectsMeet(other, one)]).toEqual([meet, meet])
})
