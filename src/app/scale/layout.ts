import { parseChangeLogAddress, type ChangeLogAddress } from '../../log/changes/address.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { StateStore } from '../../model/state/state.ts'
import type { ScaleConfig } from '../config/config.ts'

const KEY = 'scale/layout'
const LOOK_MS = 2_000
const FORGOTTEN = 'null'

/** How changes are divided and where they go through: a process with another one would not see what the others do. */
export interface Layout {
  /** Engine and name of the log. Not its servers, which each process may reach under another name. */
  readonly log: string
  readonly shares: number
}

type Stored = Layout | null

export function layoutOf({ through, shares }: Pick<ScaleConfig, 'through' | 'shares'>): Layout {
  return { log: logOf(parseChangeLogAddress(through)), shares }
}

function logOf(address: ChangeLogAddress): string {
  switch (address.tag) {
    case 'redis':
      return `Redis database ${address.redis.redis.db}, prefix ${address.redis.prefix}`
    case 'nats':
      return `NATS stream ${address.stream.stream}`
    case 'kafka':
      return `Kafka topic ${address.topic.topic}`
  }
}

/** Of a reader: what it appends by is from then on the layout. Rejects with BINGO_SCALE_MISMATCH if there is another one. */
export async function keepLayout(state: StateStore, own: Layout): Promise<void> {
  for (;;) {
    const { layout, version } = await loaded(state)
    if (layout !== null) return requireSame(layout, own)
    if (await state.save(KEY, JSON.stringify(own), version)) return
  }
}

/** Of a worker. Rejects with BINGO_SCALE_MISMATCH when a reader appends by another layout. */
export async function checkLayout(state: StateStore, own: Layout): Promise<void> {
  const { layout } = await loaded(state)
  if (layout !== null) requireSame(layout, own)
}

/** The first reader may come after the worker. Until the signal is aborted; rejects with BINGO_SCALE_MISMATCH. */
export async function followLayout(state: StateStore, own: Layout, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, signal).catch(() => undefined)
    if (signal.aborted) return
    await checkLayout(state, own).catch((error: unknown) => {
      // A state store that is down is said by those who need it.
      if (!(error instanceof BingoError && error.retryable)) throw error
    })
  }
}

/** What the first reader has stored; null: there was none, or one process did everything since. */
export async function storedLayout(state: StateStore): Promise<Layout | null> {
  return (await loaded(state)).layout
}

export function isSameLayout(one: Layout, other: Layout): boolean {
  return one.log === other.log && one.shares === other.shares
}

/** One process does everything again: the next reader may divide changes as it likes. */
export async function forgetLayout(state: StateStore): Promise<void> {
  const { layout, version } = await loaded(state)
  if (layout !== null) await state.save(KEY, FORGOTTEN, version)
}

async function loaded(state: StateStore): Promise<{ layout: Stored; version: number | null }> {
  const stored = await state.load(KEY)
  if (stored === null) return { layout: null, version: null }
  return { layout: JSON.parse(stored.value) as Stored, version: stored.version }
}

function requireSame(kept: Layout, own: Layout): void {
  if (isSameLayout(kept, own)) return
  const message = `the reader appends ${textOf(kept)}, but this process has ${textOf(own)}`
  throw new BingoError('BINGO_SCALE_MISMATCH', message, {
    hint: 'Give reader and workers the same scale.through and scale.shares. To change them, go back to one process first (bingo run without --role), then delete the log and the checkpoints of the shares.',
  })
}

function textOf({ log, shares }: Layout): string {
  return `${shares} shares through ${log}`
}
