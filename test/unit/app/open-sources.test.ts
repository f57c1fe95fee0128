import { beforeEach, expect, test } from 'vitest'
import { Elected } from '../../../src/app/election.ts'
import { loadSources, type LoadedSources, type NamedSource } from '../../../src/app/open-sources.ts'
import { Leadership } from '../../../src/app/standby/leadership.ts'
import type { Config, SourceConfig } from '../../../src/app/config/config.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { NO_GAPS } from '../../../src/model/event/gap.ts'
import { createStats } from '../../../src/model/stats.ts'
import { SourceRecords } from '../../../src/state/checkpoint/source-record.ts'
import { StateCheckpoints } from '../../../src/state/checkpoint/state-checkpoints.ts'
import { MemoryLease } from '../../../src/state/lease/memory-lease.ts'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'
import { storedCheckpoint } from '../../support/checkpoints.ts'
import { silentLog } from '../../support/jobs.ts'

const { position, server, name } = storedCheckpoint
const running = new AbortController().signal
let state: MemoryStateStore
let checkpoints: StateCheckpoints

beforeEach(() => {
  state = new MemoryStateStore()
  checkpoints = new StateCheckpoints(state, name)
})

const recordsOf = (source: string) => new SourceRecords(state, name, source)
const record = (epoch: number) => ({ position: JSON.stringify({ position, server }), savedAt: 1, epoch, gaps: NO_GAPS })

async function load(...names: string[]): Promise<LoadedSources> {
  const mysql = {} as SourceConfig
  const sources = names.map((each, i): NamedSource => ({ name: each, mysql, isMain: i === 0 }))
  const config = { name } as Config
  const loaded = await loadSources(
    { config, sources, state, checkpoints, log: silentLog, clock: systemClock, stats: createStats(1) },
    running,
  )
  return loaded as LoadedSources
}

test('the first source goes on at the checkpoint, the others at records of their own, above every epoch of before', async () => {
  await checkpoints.save({ ...storedCheckpoint, epoch: 7 })
  await recordsOf('crm').save(record(9))
  const { sources, epoch } = await load('shop', 'crm', 'new')
  expect(sources.map(({ stored }) => stored?.epoch ?? null)).toEqual([7, 9, null])
  expect(JSON.parse(sources[0]!.stored!.position)).toEqual({ position, server })
  expect(epoch).toBe(10)
})

test('a further source that became the first one is refused: it would resume at the position of another server', async () => {
  await checkpoints.save({ ...storedCheckpoint, epoch: 7 })
  await recordsOf('crm').save(record(7))
  await expect(load('crm', 'shop')).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_ORDER' })
  await expect(load('crm')).rejects.toMatchObject({ code: 'BINGO_CHECKPOINT_ORDER' })
})

test('a leader claims the positions of all sources, so that the one before can move none', async () => {
  await checkpoints.save({ ...storedCheckpoint, epoch: 7 })
  await recordsOf('crm').save(record(7))
  const loaded = await load('shop', 'crm')
  const store = new MemoryLease(new Map(), { name, holder: 'us', ttlMs: 60_000, clock: systemClock })
  const deps = { log: silentLog, clock: systemClock, stats: createStats(1) }
  const leadership = new Leadership({ store, ttlMs: 60_000, ...deps, state: createStats(1).standby })
  expect(await new Elected(leadership, new Promise(() => undefined), deps).claim(loaded, running)).toBe(true)
  const fenced = { code: 'BINGO_CHECKPOINT_FENCED' }
  await expect(recordsOf('crm').save(record(7))).rejects.toMatchObject(fenced)
  await expect(new StateCheckpoints(state, name).save({ ...storedCheckpoint, epoch: 7 })).rejects.toMatchObject(fenced)
})
