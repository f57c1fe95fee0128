import { expect, test } from 'vitest'
import { systemClock } from '../../../src/model/clock.ts'
import { Change, type Transaction } from '../../../src/model/event/change.ts'
import { silentLog } from '../../../src/model/silent-log.ts'
import type { DdlStatement } from '../../../src/model/source/binlog-stream.ts'
import type { RowIntake } from '../../../src/model/source/intake.ts'
import type { Ordinal, SharePosition } from '../../../src/scale/contract.ts'
import { StoredFrontiers } from '../../../src/scale/frontiers.ts'
import { changeText, recordText, signText } from '../../../src/scale/record.ts'
import { Shapes } from '../../../src/scale/shapes.ts'
import { ShareSource } from '../../../src/scale/share-source.ts'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'
import { eventually } from '../../support/daemon.ts'
import { MemoryChanges } from '../../support/scale/memory-changes.ts'
import { users } from '../../support/library.ts'

/** Collects what is handed in; what is committed is finished when it is told. */
class Collected implements Partial<RowIntake<SharePosition>> {
  readonly ids: string[] = []
  position: SharePosition | null = null
  private group: Transaction | null = null

  begin(group: Transaction): void {
    this.group = group
  }
  event(event: Change): void {
    this.ids.push(event.id)
  }
  ddl({ kind, sql }: DdlStatement, seq: number): void {
    this.ids.push(`${this.group!.id}/${seq} ${kind} ${sql}`)
  }
  commit(end: SharePosition): void {
    this.position = end
  }
  advance(end: SharePosition): void {
    this.position = end
  }
}

class Shares implements AsyncDisposable {
  readonly state = new MemoryStateStore()
  readonly changes: MemoryChanges
  readonly shapes = new Shapes(this.state, 'shop')
  readonly frontiers = new StoredFrontiers(this.state)
  private readonly stop = new AbortController()
  private readonly running: Promise<void>[] = []
  /** As a source said it last. */
  behind = -1

  constructor(count: number) {
    this.changes = new MemoryChanges(count)
  }

  async append(share: number, ordinal: Ordinal, id: string, meet: readonly number[] | null = null): Promise<void> {
    const transaction = { id, gtid: null, file: 'f', offset: 1, serverId: 1, timestampUs: 5_000_000, query: null }
    const row = new Change(users, 'insert', transaction, 0, null, { id: 1, name: 'x', data: null }, null)
    await this.shapes.keep([this.shapes.nameOf(users)])
    const body = recordText(ordinal, this.shapes.nameOf(users), meet, row.id, changeText(row))
    await this.changes.append([{ share, body }])
  }

  source(share: number, layout = 0): ShareSource {
    return new ShareSource({
      name: `changes-${share}`,
      share,
      layout,
      seen: (behind) => (this.behind = behind),
      instance: 'shop',
      changes: this.changes,
      shapes: this.shapes,
      frontiers: this.frontiers,
      clock: systemClock,
      log: silentLog,
    })
  }

  /** Reads a share; `finishes`: what is handed in is finished and remembered soon after. */
  read(share: number, { finishes = true, from = null as SharePosition | null, layout = 0 } = {}) {
    const source = this.source(share, layout)
    const into = new Collected()
    const finish = (): void => {
      if (into.position !== null) source.finished(into.position)
    }
    const timer = setInterval(() => finishes && finish(), 5)
    this.running.push(source.run(into as never, from, this.stop.signal).finally(() => clearInterval(timer)))
    return { into, finish, source }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort()
    await Promise.all(this.running)
  }
}

const at = (epoch: number, number: number): Ordinal => ({ epoch, number })

test('a worker stops where the reader of another instance has appended, and goes on where its own has, or an older one', async () => {
  await using shares = new Shares(2)
  await shares.changes.append([
    { share: 0, body: signText('hello', at(1, 0)) },
    { share: 0, body: signText('hello', at(2, 0), 'shop') },
  ])
  await shares.append(0, at(2, 1), 'a')
  const { into } = shares.read(0)
  await eventually('it is read', () => into.ids.length === 1)
  // Numbers of another instance may be lower: they are not taken for those of a reader that was replaced.
  await shares.changes.append([
    { share: 1, body: signText('hello', at(5, 0), 'shop') },
    { share: 1, body: signText('hello', at(2, 0), 'crm') },
  ])
  const [{ place } = { place: '' }] = await shares.changes.read(1, null)
  const signal = new AbortController().signal
  const run = shares.source(1).run(new Collected() as never, { place, ordinal: at(5, 0) }, signal)
  await expect(run).rejects.toMatchObject({
    code: 'BINGO_SCALE_LOG_SHARED',
    message: expect.stringContaining('is also that of the instance "crm"'),
  })
})

test('what came twice, and what a reader that was replaced appends late, is dropped', async () => {
  await using shares = new Shares(1)
  const { into } = shares.read(0)
  await shares.changes.append([{ share: 0, body: signText('hello', at(1, 0)) }])
  for (const [number, id] of [
    [1, 'a'],
    [2, 'b'],
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
  ] as const)
    await shares.append(0, at(1, number), id)
  await shares.changes.append([{ share: 0, body: signText('hello', at(2, 0)) }])
  await shares.append(0, at(1, 4), 'late')
  await shares.append(0, at(2, 1), 'd')
  await eventually('all are read', () => into.ids.length >= 4)
  expect(into.ids).toEqual(['a/0', 'b/0', 'c/0', 'd/0'])
})

test('reading resumes behind a stored position, and an entry of somebody else is skipped', async () => {
  await using shares = new Shares(1)
  await shares.append(0, at(1, 1), 'a')
  await shares.changes.append([{ share: 0, body: 'hello from outside' }])
  await shares.append(0, at(1, 2), 'b')
  const { source } = shares.read(0)
  const position = source.positions.parse(source.positions.print({ place: '1', ordinal: at(1, 1) }))
  const { into } = shares.read(0, { from: position })
  await eventually('the rest is read', () => into.ids.length === 1)
  expect(into.ids).toEqual(['b/0'])
  expect(() => source.positions.parse('{}')).toThrow(/cannot be read/)
})

test('shares meet at a change that concerns both: none runs it before both have finished what came before, or goes on before both are done', async () => {
  await using shares = new Shares(2)
  await shares.append(0, at(1, 1), 'before')
  for (const share of [0, 1]) await shares.append(share, at(1, 2), 'both', [0, 1])
  for (const share of [0, 1]) await shares.append(share, at(1, 3 + share), `after${share}`)
  const zero = shares.read(0, { finishes: false })
  const one = shares.read(1)
  await eventually('the first is handed in', () => zero.into.ids.length === 1)
  await eventually('one has come to it', async () => (await shares.frontiers.of(1))?.number === 2)
  expect(one.into.ids).toEqual([])
  zero.finish()
  await eventually('both have it', () => zero.into.ids.length === 2 && one.into.ids.length === 1)
  await eventually('one is done', async () => (await shares.frontiers.of(1))?.number === 3)
  expect(one.into.ids).toEqual(['both/0'])
  zero.finish()
  await eventually('both go on', () => zero.into.ids.length === 3 && one.into.ids.length === 2)
  expect(one.into.ids).toEqual(['both/0', 'after1/0'])
})

test('a share does not wait for one that was never given what they were to meet at, once the next reader has begun', async () => {
  await using shares = new Shares(2)
  // The reader was killed in between.
  await shares.append(0, at(1, 1), 'both', [0, 1])
  const zero = shares.read(0)
  const one = shares.read(1)
  for (const share of [0, 1]) {
    await shares.changes.append([{ share, body: signText('hello', at(2, 0)) }])
    await shares.append(share, at(2, 1), 'both', [0, 1])
    await shares.append(share, at(2, 2), 'after')
  }
  await eventually('both go on', () => zero.into.ids.at(-1) === 'after/0' && one.into.ids.at(-1) === 'after/0')
  expect(one.into.ids).toEqual(['both/0', 'after/0'])
})

test('behind a meeting that another share was never given, what is of the same run is dropped: changes before it may be missing there', async () => {
  await using shares = new Shares(2)
  // Their servers took different parts of it, and the reader was killed.
  await shares.append(0, at(1, 2), 'both', [0, 1])
  await shares.append(0, at(1, 3), 'after')
  const zero = shares.read(0)
  const one = shares.read(1)
  for (const share of [0, 1]) await shares.changes.append([{ share, body: signText('hello', at(2, 0)) }])
  await eventually('zero has dropped it', async () => (await shares.frontiers.of(0))?.epoch === 2)
  expect(zero.into.ids).toEqual([])
  await shares.append(1, at(2, 1), 'before')
  for (const share of [0, 1]) await shares.append(share, at(2, 2), 'both', [0, 1])
  await shares.append(0, at(2, 3), 'after')
  await eventually('both go on', () => zero.into.ids.length === 2 && one.into.ids.length === 2)
  expect(zero.into.ids).toEqual(['both/0', 'after/0'])
  expect(one.into.ids).toEqual(['before/0', 'both/0'])
})

test('a share that reads again what it was done with before drops nothing, however far the others are', async () => {
  await using shares = new Shares(2)
  await shares.append(0, at(1, 1), 'both', [0, 1])
  await shares.append(0, at(1, 2), 'after')
  await shares.frontiers.reached(0, at(1, 2))
  await shares.frontiers.reached(1, at(2, 1))
  const zero = shares.read(0)
  await eventually('all of it is read', () => zero.into.ids.length === 2)
})

test('nobody runs what shares meet at, or goes on behind it, while what comes before waits for a target that is down', async () => {
  await using shares = new Shares(2)
  for (const share of [0, 1]) await shares.append(share, at(1, 1), 'both', [0, 1])
  await shares.append(1, at(1, 2), 'after')
  const down = { zero: true, one: false }
  const zero = shares.read(0)
  zero.source.spools((change) => change?.op === 'insert' && down.zero)
  const one = shares.read(1)
  one.source.spools(() => down.one)
  await eventually('one has come', async () => (await shares.frontiers.of(1))?.number === 1)
  expect(await shares.frontiers.of(0)).toBeNull()
  expect([...zero.into.ids, ...one.into.ids]).toEqual([])
  down.one = true
  down.zero = false
  await eventually('both have it', () => zero.into.ids.length === 1 && one.into.ids.length === 1)
  await eventually('zero is done', async () => (await shares.frontiers.of(0))?.number === 2)
  expect(one.into.ids).toEqual(['both/0'])
  down.one = false
  await eventually('one goes on', () => one.into.ids.length === 2)
})

test('a share that was stopped in the middle of a meeting takes up where it was', async () => {
  await using shares = new Shares(2)
  for (const share of [0, 1]) await shares.append(share, at(1, 1), 'both', [0, 1])
  await shares.append(0, at(1, 2), 'after')
  const zero = shares.read(0, { from: { place: '1', ordinal: at(1, 1), meet: [0, 1] } })
  let isDown = true
  zero.source.spools(() => isDown)
  // What the run before has left in the store does not leave it before the log is there.
  await eventually('it has looked at the log', () => zero.source.state.connected)
  expect(await shares.frontiers.of(0)).toBeNull()
  isDown = false
  await eventually('it has said that it is done', async () => (await shares.frontiers.of(0))?.number === 2)
  expect(zero.into.ids).toEqual([])
  shares.read(1)
  await eventually('it goes on', () => zero.into.ids.length === 1)
})

test('behind a meeting of the run before, only what its own rules have to come behind holds a share back', async () => {
  await using shares = new Shares(2)
  for (const share of [0, 1]) await shares.append(share, at(1, 1), 'both', [0, 1])
  const before = shares.read(0)
  await eventually('it has come', async () => (await shares.frontiers.of(0))?.number === 1)
  const one = shares.read(1)
  await eventually('both have it', () => before.into.ids.length === 1 && one.into.ids.length === 1)
  const from = before.source.positions.parse(before.source.positions.print(before.into.position!))
  const asked: unknown[] = []
  const after = shares.read(0, { from })
  // Another rule waits for its target; of this one nothing does.
  after.source.spools((change) => {
    asked.push(change)
    return change === null
  })
  await shares.append(0, at(1, 2), 'after')
  await eventually('it goes on', () => after.into.ids.length === 1)
  expect(asked).toContainEqual({ op: 'insert', table: { schema: users.schema, name: users.name } })
})

test('statements are handed in as statements, and nothing while reading is paused', async () => {
  await using shares = new Shares(1)
  const { into, source } = shares.read(0)
  const reason = {}
  source.pause(reason)
  const transaction = { id: 't', gtid: null, file: 'f', offset: 1, serverId: 1, timestampUs: 5_000_000, query: null }
  const table = { schema: 'shop', name: 'users', columns: [], key: [], flavour: 'mysql' } as const
  const truncate = new Change(table, 'truncate', transaction, 3, null, null, 'TRUNCATE users')
  const shape = shares.shapes.nameOf(table)
  await shares.shapes.keep([shape])
  const body = recordText(at(1, 1), shape, [0], truncate.id, changeText(truncate))
  await shares.changes.append([{ share: 0, body }])
  await systemClock.sleep(50)
  expect(into.ids).toEqual([])
  source.resume(reason)
  await eventually('it is handed in', () => into.ids.length === 1)
  expect(into.ids).toEqual(['t/3 truncate TRUNCATE users'])
})

test('a place in the log of another layout is forgotten, and what was finished by then is not handed in again', async () => {
  await using shares = new Shares(1)
  for (const number of [1, 2, 3]) await shares.append(0, at(1, number), `old-${number}`)
  const from = { place: '99', ordinal: at(1, 3), meet: [0, 1] }
  const { into } = shares.read(0, { from, layout: 1 })
  await eventually('nothing is left to do', () => shares.behind === 0)
  expect(into.ids).toEqual([])
  await shares.append(0, at(2, 1), 'new')
  await eventually('it is handed in', () => into.ids.length === 1)
  expect(into.ids).toEqual([expect.stringContaining('new')])
  expect(into.position).toEqual({ place: '4', ordinal: at(2, 1), layout: 1 })
})
