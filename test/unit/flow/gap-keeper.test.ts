import { expect, test } from 'vitest'
import { Watermark } from '../../../src/flow/checkpoint/watermark.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { type Gap, NO_GAPS, withGap } from '../../../src/model/event/gap.ts'
import type { SourcePosition } from '../../../src/model/source/position.ts'
import { SourceState } from '../../../src/model/source/source-state.ts'
import { createStats } from '../../../src/model/stats.ts'
import { GapKeeper } from '../../../src/flow/reading/gap-keeper.ts'

const position = (offset: number): SourcePosition => ({
  flavour: 'mysql',
  file: 'binlog.000001',
  offset,
  gtidSet: null,
})
const gap: Gap = {
  id: 'gap-1',
  at: 1,
  code: 'BINGO_SOURCE_GAP',
  reason: 'purged',
  missing: null,
  onGap: 'latest',
  from: position(100),
  to: position(900),
  announced: false,
}

/** A keeper whose event is delivered when told so. */
function keeper(start = NO_GAPS, at = position(100)) {
  const watermark = new Watermark<SourcePosition>(at)
  const stats = createStats(1)
  const told: string[] = []
  const saved: { offset: number; gaps: number }[] = []
  let deliver = (): void => undefined
  const kept: GapKeeper<SourcePosition> = new GapKeeper(start, {
    watermark,
    clock: systemClock,
    stats,
    state: new SourceState(),
    save: async () => {
      saved.push({ offset: watermark.position!.offset, gaps: kept.log.total })
    },
    intake: {
      dropGroup: () => undefined,
      announceGap: ({ id }, end) => {
        told.push(id)
        const ticket = watermark.ticket()
        ticket.holds = 1
        watermark.seal(ticket, end, 0)
        deliver = () => ticket.release()
      },
    },
  })
  return { kept, watermark, stats, told, saved, deliver: () => deliver() }
}

const signal = new AbortController().signal

test('a gap is recorded before it is announced, and announced before anything after it is finished', async () => {
  const { kept, watermark, told, saved, deliver } = keeper()
  await kept.pass(gap, gap.to, signal)
  expect(saved).toEqual([{ offset: 900, gaps: 1 }])
  expect(told).toEqual(['gap-1'])
  watermark.pass(position(1_000), 0)
  expect(watermark.position).toEqual(gap.to)
  expect(kept.log.recent[0]!.announced).toBe(false)
  deliver()
  expect(watermark.position).toEqual(position(1_000))
  expect(kept.log.recent[0]!.announced).toBe(true)
  expect(kept.log).toBe(kept.log)
})

test('the checkpoint does not jump over what was read before the gap and is not finished', async () => {
  const { kept, watermark, told, saved } = keeper()
  const ticket = watermark.ticket()
  ticket.holds = 1
  watermark.seal(ticket, position(200), 0)
  const passing = kept.pass(gap, gap.to, signal)
  await systemClock.sleep(50)
  expect({ saved, told }).toEqual({ saved: [], told: [] })
  ticket.release()
  await passing
  expect(saved).toEqual([{ offset: 900, gaps: 1 }])
})

test('a stop while it waits leaves the gap to the next start', async () => {
  const { kept, watermark, saved } = keeper()
  watermark.ticket().holds = 1
  const stop = new AbortController()
  const passing = kept.pass(gap, gap.to, stop.signal)
  stop.abort()
  await expect(passing).rejects.toMatchObject({ name: 'AbortError' })
  expect(saved).toEqual([])
})

test('after a restart a gap is announced again until it was delivered, and counted once', () => {
  const once = withGap(NO_GAPS, gap)
  const interrupted = keeper(once, position(900))
  interrupted.kept.resume()
  expect(interrupted.told).toEqual(['gap-1'])
  expect(interrupted.stats.gapsTotal).toBe(1)
  interrupted.deliver()
  expect(interrupted.kept.log).toMatchObject({ total: 1, recent: [{ announced: true }] })
  const finished = keeper(interrupted.kept.log, position(900))
  finished.kept.resume()
  expect(finished.told).toEqual([])
})

test('the newest twenty are kept, all are counted', () => {
  let log = NO_GAPS
  for (let n = 0; n < 25; n++) log = withGap(log, { ...gap, id: `gap-${n}` })
  expect(log.total).toBe(25)
  expect(log.recent.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, n) => `gap-${n + 5}`))
})
