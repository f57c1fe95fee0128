import { expect, test } from 'vitest'
import { Watermark } from '../../../../src/flow/checkpoint/watermark.ts'
import type { SourcePosition } from '../../../../src/model/source/position.ts'

const at = (offset: number): SourcePosition => ({ flavour: 'mysql', file: 'binlog.000001', offset, gtidSet: null })

test('a transaction without jobs moves the watermark at once', () => {
  const watermark = new Watermark<SourcePosition>(null)
  watermark.pass(at(100), 5)
  expect(watermark.position).toEqual(at(100))
  expect(watermark.commitAtMs).toBe(5)
})

test('the watermark waits for the oldest unfinished transaction, whatever finishes after it', () => {
  const watermark = new Watermark(at(4))
  const first = watermark.ticket()
  first.holds = 2
  watermark.seal(first, at(100), 1)
  const second = watermark.ticket()
  second.holds = 1
  watermark.seal(second, at(200), 2)
  second.release()
  watermark.pass(at(300), 3)
  expect(watermark.position).toEqual(at(4))
  first.release()
  expect(watermark.position).toEqual(at(4))
  first.release()
  expect(watermark.position).toEqual(at(300))
  expect(watermark.pending).toBe(0)
})

test('a transaction whose jobs have all ended is not finished before its commit was read', () => {
  const watermark = new Watermark(at(4))
  const ticket = watermark.ticket()
  ticket.holds = 1
  ticket.release()
  expect(watermark.position).toEqual(at(4))
  watermark.seal(ticket, at(100), 1)
  expect(watermark.position).toEqual(at(100))
})

test('something that moves the position inside an open transaction does not move the watermark past it', () => {
  const watermark = new Watermark(at(4))
  const ticket = watermark.ticket()
  ticket.holds = 1
  watermark.pass(at(150), 0)
  watermark.seal(ticket, at(100), 1)
  ticket.release()
  expect(watermark.position).toEqual(at(100))
})

test('many thousands of transactions finished out of order leave nothing behind', () => {
  const watermark = new Watermark<SourcePosition>(null)
  const tickets = Array.from({ length: 5000 }, (_, i) => {
    const ticket = watermark.ticket()
    ticket.holds = 1
    watermark.seal(ticket, at(i + 1), i + 1)
    return ticket
  })
  for (const ticket of tickets.slice(1).reverse()) ticket.release()
  expect(watermark.position).toBeNull()
  tickets[0]!.release()
  expect(watermark.position).toEqual(at(5000))
  expect(watermark.pending).toBe(0)
})

test('transactions with jobs are numbered, and counted when everything up to them is finished', () => {
  const watermark = new Watermark(at(4))
  watermark.pass(at(50), 1)
  expect([watermark.newest, watermark.finished]).toEqual([0, 0])
  const [first, second] = [watermark.ticket(), watermark.ticket()]
  for (const [ticket, end] of [
    [first, 100],
    [second, 200],
  ] as const) {
    ticket.holds = 1
    watermark.seal(ticket, at(end), 1)
  }
  second.release()
  expect([watermark.newest, watermark.finished]).toEqual([2, 0])
  first.release()
  expect([watermark.newest, watermark.finished]).toEqual([2, 2])
})
