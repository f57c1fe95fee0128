import { parseChangeLogAddress, type ChangeLogAddress } from '../../log/changes/address.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import { isMap, mapOf, number, optional, orNull, text } from '../../model/json/shape.ts'
import type { StateStore } from '../../model/state/state.ts'
import { stateValue } from '../../model/state/state-value.ts'
import type { ScaleConfig } from '../config/config.ts'

const KEY = 'scale/layout'
const LOOK_MS = 2_000

const KEPT = mapOf({ log: text, shares: number, generation: optional(number) })
const FORGOTTEN = mapOf({ next: number })
const LAYOUT = orNull((value) => (isMap(value) && 'next' in value ? FORGOTTEN(value) : KEPT(value)))

/** How changes are divided and where they go through: a process with another one would not see what the others do. */
export interface Layout {
  /** Engine and name of the log. Not its servers, which each process may reach under another name. */
  readonly log: string
  readonly shares: number
}

/** One that readers append by: the first has 0, and each that comes after one process did everything has the next number. */
export interface KeptLayout extends Layout {
  readonly generation: number
}

interface Stored {
  readonly layout: KeptLayout | null
  /** Of the layout, or of the next one. */
  readonly generation: number
  readonly version: number | null
}

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
    const { layout, generation, version } = await loaded(state)
    if (layout !== null) return requireSame(layout, own)
    if (await state.save(KEY, JSON.stringify({ ...own, generation }), version)) return
  }
}

/**
 * Of a worker: the generation of the layout, which the first reader may yet have to store. Rejects with BINGO_SCALE_MISMATCH
 * when a reader appends by another one.
 */
export async function checkLayout(state: StateStore, own: Layout): Promise<number> {
  const { layout, generation } = await loaded(state)
  if (layout !== null) requireSame(layout, own)
  return generation
}

/** Until the signal is aborted; rejects with BINGO_SCALE_MISMATCH, also where it is the same layout again, but a later one. */
export async function followLayout(
  state: StateStore,
  own: KeptLayout,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, signal).catch(() => undefined)
    if (signal.aborted) return
    try {
      if ((await checkLayout(state, own)) !== own.generation) throw outlived()
    } catch (error) {
      // A state store that is down is said by those who need it.
      if (!(error instanceof BingoError && error.retryable)) throw error
    }
  }
}

/** What the first reader has stored; null: there was none, or one process did everything since. */
export async function storedLayout(state: StateStore): Promise<KeptLayout | null> {
  return (await loaded(state)).layout
}

export function isSameLayout(one: Layout, other: Layout): boolean {
  return one.log === other.log && one.shares === other.shares
}

/** One process does everything again: the next reader may divide changes as it likes. */
export async function forgetLayout(state: StateStore): Promise<void> {
  const { layout, generation, version } = await loaded(state)
  if (layout !== null) await state.save(KEY, JSON.stringify({ next: generation + 1 }), version)
}

async function loaded(state: StateStore): Promise<Stored> {
  const stored = await state.load(KEY)
  if (stored === null) return { layout: null, generation: 0, version: null }
  const { version } = stored
  const value = stateValue<null | { readonly next: number } | (Layout & { readonly generation?: number })>(
    state,
    KEY,
    stored,
    LAYOUT,
  )
  // Stored before layouts had generations: null for one that is forgotten.
  if (value === null) return { layout: null, generation: 1, version }
  if ('next' in value) return { layout: null, generation: value.next, version }
  const { log, shares, generation = 0 } = value
  return { layout: { log, shares, generation }, generation, version }
}

function requireSame(kept: Layout, own: Layout): void {
  if (isSameLayout(kept, own)) return
  const message = `the reader appends ${textOf(kept)}, but this process has ${textOf(own)}`
  throw new BingoError('BINGO_SCALE_MISMATCH', message, {
    hint: 'Give reader and workers the same scale.through and scale.shares. To change them, go back to one process first (bingo run without --role).',
  })
}

function outlived(): BingoError {
  return new BingoError('BINGO_SCALE_MISMATCH', 'one process did everything meanwhile (bingo run without --role)', {
    hint: 'Start this worker again: it then takes part in what a reader appends from now on.',
  })
}

function textOf({ log, shares }: Layout): string {
  return `${shares} shares through ${log}`
}
