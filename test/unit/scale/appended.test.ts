import { expect, test } from 'vitest'
import { BingoError } from '../../../src/model/errors.ts'
import type { Sendable } from '../../../src/model/rule/action.ts'
import { silentLog } from '../../../src/model/silent-log.ts'
import { AppendTarget } from '../../../src/scale/append-target.ts'
import { changeText, parseRecord } from '../../../src/scale/record.ts'
import { Shapes } from '../../../src/scale/shapes.ts'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'
import { MemoryChanges } from '../../support/scale/memory-changes.ts'
import { change } from '../../support/jobs.ts'
import { users } from '../../support/library.ts'

const SHARES = 3
const state = new MemoryStateStore()
const text = changeText(change('insert', null, { id: 1, status: 2 }))

function target(changes: MemoryChanges, epoch: number, instance = 'shop'): { target: AppendTarget; job: typeof job } {
  const shapes = new Shapes(state, instance)
  const shape = shapes.nameOf(users)
  const job = (id: string, ...shares: number[]): Sendable =>
    ({ payload: { id, shape, shares, meets: shares.length > 1, text } }) as unknown as Sendable
  return { target: new AppendTarget({ changes, shapes, shares: SHARES, instance, epoch, log: silentLog }), job }
}

/** What a share holds, as `EPOCH.NUMBER:ID`. */
function contents(changes: MemoryChanges, share: number): string[] {
  return changes.shares[share]!.map((body) => {
    const record = parseRecord(body)
    const { epoch, number } = record.ordinal
    return `${epoch}.${number}:${record.tag === 'change' ? record.id : record.tag}`
  })
}

test('a run says hello to all shares, numbers what it appends, and says bye', async () => {
  const changes = new MemoryChanges(SHARES)
  const { target: one, job } = target(changes, 4)
  expect(await one.send([job('a', 0), job('b', 1)])).toBeUndefined()
  expect(await one.send([job('c', 0)])).toBeUndefined()
  await one.close()
  expect(contents(changes, 0)).toEqual(['4.0:hello', '4.1:a', '4.3:c', '4.4:bye'])
  expect(contents(changes, 1)).toEqual(['4.0:hello', '4.2:b', '4.4:bye'])
  expect(contents(changes, 2)).toEqual(['4.0:hello', '4.4:bye'])
})

test('a reader appends nothing to the log of another instance', async () => {
  const changes = new MemoryChanges(SHARES)
  const { target: other, job } = target(changes, 9, 'crm')
  await other.send([job('a', 0)])
  const { target: one } = target(changes, 4)
  expect(await one.send([job('b', 1)])).toMatchObject([{ kind: 'down', error: { code: 'BINGO_SCALE_LOG_SHARED' } }])
  await one.close()
  expect(contents(changes, 1)).toEqual(['9.0:hello'])
})

test('what is sent again for want of an answer has the number that it had', async () => {
  const changes = new MemoryChanges(SHARES)
  const { target: one, job } = target(changes, 4)
  await one.send([job('a', 0)])
  const lost = [job('b', 0), job('c', 0)]
  changes.after = () => {
    throw new BingoError('BINGO_LOG_UNREACHABLE', 'no answer', { retryable: true })
  }
  expect(await one.send(lost)).toMatchObject([{ kind: 'down' }, { kind: 'down' }])
  changes.after = () => undefined
  expect(await one.send(lost)).toBeUndefined()
  expect(contents(changes, 0).slice(2)).toEqual(['4.2:b', '4.3:c', '4.2:b', '4.3:c'])
})

test('what a reader that was killed has appended is not appended again, nor what several shares meet at, if all have it', async () => {
  const changes = new MemoryChanges(SHARES)
  const { target: killed, job } = target(changes, 4)
  await killed.send([job('a', 0), job('b', 1), job('both', 0, 1)])
  const { target: next } = target(changes, 5)
  await next.send([job('a', 0), job('b', 1), job('both', 0, 1), job('d', 0)])
  expect(contents(changes, 0).slice(3)).toEqual(['5.0:hello', '5.4:d'])
  expect(contents(changes, 1).slice(3)).toEqual(['5.0:hello'])
})

test('what stands behind a meeting that one share was not given is appended again: workers drop it', async () => {
  const changes = new MemoryChanges(SHARES)
  const { target: killed, job } = target(changes, 4)
  const jobs = [job('a', 0), job('b', 1), job('both', 0, 1), job('c', 0)]
  await killed.send(jobs)
  // The server of share 1 had nothing of it.
  changes.shares[1]!.splice(1)
  const { target: next } = target(changes, 5)
  await next.send(jobs)
  expect(contents(changes, 0).slice(4)).toEqual(['5.0:hello', '5.3:again', '5.4:both', '5.5:c'])
  expect(contents(changes, 1).slice(1)).toEqual(['5.0:hello', '5.2:b', '5.4:both'])
})

test('where the oldest of what was appended is not found any more, all of it is appended again, so that the newest comes last', async () => {
  const changes = new MemoryChanges(SHARES)
  const { target: killed, job } = target(changes, 4)
  const jobs = ['a', 'b', 'c'].map((id) => job(id, 0))
  await killed.send(jobs)
  changes.newest = 2
  const { target: next } = target(changes, 5)
  await next.send(jobs.slice(0, 1))
  expect(contents(changes, 0).slice(4)).toEqual(['5.0:hello', '5.1:again', '5.2:a'])
  // It was killed as well: what stands before its sign does not count, however much of it is found.
  changes.newest = 500
  const { target: last } = target(changes, 6)
  await last.send(jobs)
  expect(contents(changes, 0).slice(7)).toEqual(['6.0:hello', '6.2:b', '6.3:c'])
})

test('what a reader has appended behind the one that replaced it does not count', async () => {
  const changes = new MemoryChanges(SHARES)
  const { target: late, job } = target(changes, 4)
  await late.send([job('a', 0)])
  const { target: killed } = target(changes, 5)
  await killed.send([job('a', 0)])
  await late.send([job('b', 0)])
  const { target: next } = target(changes, 6)
  await next.send([job('a', 0), job('b', 0)])
  expect(contents(changes, 0).slice(-2)).toEqual(['6.0:hello', '6.2:b'])
})

test('what comes again on purpose after a stop in order is appended again', async () => {
  const changes = new MemoryChanges(SHARES)
  const { target: one, job } = target(changes, 4)
  await one.send([job('a', 0)])
  await one.close()
  const { target: next } = target(changes, 5)
  await next.send([job('a', 0)])
  expect(contents(changes, 0).slice(3)).toEqual(['5.0:hello', '5.1:a'])
})

test('shapes are kept before the first change that names them, once', async () => {
  const changes = new MemoryChanges(SHARES)
  const { target: one, job } = target(changes, 4)
  await one.send([job('a', 0)])
  const other = new Shapes(state, 'shop')
  const foreign = new Shapes(state, 'billing').nameOf(users)
  expect(foreign).not.toBe(new Shapes(state, 'shop').nameOf(users))
  await expect(other.table(foreign)).rejects.toMatchObject({ code: 'BINGO_SCALE_SHAPE_MISSING' })
  expect(await other.table(new Shapes(state, 'shop').nameOf(users))).toEqual(users)
  await expect(other.table('unknown')).rejects.toMatchObject({ code: 'BINGO_SCALE_SHAPE_MISSING' })
})
