import { expect, test } from 'vitest'
import type { ChangeLog } from '../../../src/model/state/change-log.ts'
import { holdsChanges } from '../../../src/scale/left.ts'
import { piecesOf } from '../../../src/scale/pieces.ts'
import { changeText, recordText, signText } from '../../../src/scale/record.ts'
import { change as insert } from '../../support/jobs.ts'

const at = (number: number, epoch = 1) => ({ epoch, number })
const change = (number: number, epoch = 1, status = 'new') =>
  recordText(at(number, epoch), 'shape', null, `id/${number}`, changeText(insert('insert', null, { id: 1, status })))
const sign = (tag: 'hello' | 'bye', number: number, epoch = 1) => signText(tag, at(number, epoch), 'shop')
const pieces = piecesOf(change(9, 1, 'x'.repeat(400)), at(9), 200)

/** One share; the place of an entry is its index. */
function logOf(bodies: readonly string[]): ChangeLog {
  const read = (_share: number, after: string | null) => {
    const from = after === null ? 0 : Number(after) + 1
    return Promise.resolve(bodies.slice(from, from + 2).map((body, i) => ({ place: String(from + i), body })))
  }
  return { read } as unknown as ChangeLog
}

test.each([
  ['nothing', [], null, false],
  ['what a reader says of its run', [sign('hello', 0), sign('bye', 1), sign('hello', 0, 2)], null, false],
  ['a change', [sign('hello', 0), sign('bye', 1), sign('hello', 0, 2), change(1, 2)], null, true],
  ['a change that was finished', [sign('hello', 0), change(1)], { place: '1', ordinal: at(1) }, false],
  ['one behind it', [change(1), change(2)], { place: '0', ordinal: at(1) }, true],
  ['what came twice', [change(1), change(2), change(1), change(2)], { place: '1', ordinal: at(2) }, false],
  ['a late record of a reader that was replaced', [sign('hello', 0, 2), change(5, 1)], null, false],
  ['pieces of a change', pieces, null, true],
  ['a change that is not there as a whole', pieces.slice(0, -1), null, false],
  ['what nobody can read', ['no record'], null, false],
] as const)('behind a position there is: %s', async (_, bodies, from, isLeft) => {
  expect(await holdsChanges(logOf(bodies), { share: 0, layout: 0 }, from)).toBe(isLeft)
})

test('a place in the log of another layout says nothing, and the ordinal with it says what is finished', async () => {
  const log = logOf([change(1), sign('hello', 0, 2), change(1, 2)])
  const left = (number: number, epoch: number, layout: number): Promise<boolean> =>
    holdsChanges(log, { share: 0, layout: 1 }, { place: '7', ordinal: at(number, epoch), layout })
  expect(await left(1, 1, 0)).toBe(true)
  expect(await left(1, 2, 0)).toBe(false)
  expect(await left(1, 1, 1)).toBe(false)
})
