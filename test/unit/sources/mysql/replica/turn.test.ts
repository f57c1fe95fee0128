import { expect, test } from 'vitest'
import { Turn } from '../../../../../src/sources/mysql/replica/turn.ts'

/** An event loop that comes round when it is told to. */
class Loop {
  time = 1_000
  readonly turn = new Turn(
    () => this.time,
    (fn) => this.waiting.push(fn),
  )
  private waiting: (() => void)[] = []

  comesRound(): void {
    const due = this.waiting
    this.waiting = []
    for (const fn of due) fn()
  }
}

test('reads of one turn go on until they have taken ten milliseconds', async () => {
  const loop = new Loop()
  expect(loop.turn.overrun()).toBeUndefined()
  loop.time += 9
  expect(loop.turn.overrun()).toBeUndefined()
  loop.time += 1
  const over = loop.turn.overrun()
  expect(over).toBeInstanceOf(Promise)
  loop.comesRound()
  await over
})

test('a new turn has its whole time, however long the one before it was', () => {
  const loop = new Loop()
  void loop.turn.overrun()
  loop.time += 500
  loop.comesRound()
  expect(loop.turn.overrun()).toBeUndefined()
  loop.time += 9
  expect(loop.turn.overrun()).toBeUndefined()
})

test('the first read of a turn never ends it, so that reading always gets on', () => {
  const loop = new Loop()
  for (let i = 0; i < 5; i += 1) {
    loop.time += 1_000
    expect(loop.turn.overrun()).toBeUndefined()
    loop.comesRound()
  }
})
