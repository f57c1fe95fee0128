import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from '../../model/clock.ts'
import { flag, listOf, mapOf, number, oneOf, text } from '../../model/json/shape.ts'
import type { StateStore } from '../../model/state/state.ts'
import type { ScaleMember } from '../../model/stats.ts'

const KEY = 'scale/members'
const BEAT_MS = 1_000
const ATTEMPTS = 8

interface Beating extends ScaleMember {
  /** Grows as long as the process lives: clocks of machines are not compared. */
  readonly beat: number
}

type Stored = { readonly [id: string]: Beating }

const BEATING = mapOf({
  role: oneOf('reader', 'worker'),
  host: text,
  pid: number,
  since: text,
  shares: listOf(number),
  behind: number,
  rules: text,
  leads: flag,
  beat: number,
})

export interface MembersDeps {
  readonly state: StateStore
  readonly clock: Clock
  /** One whose beat stands still for so long is dead. */
  readonly deadAfterMs: number
  /** What this process says of itself. */
  readonly self: () => Omit<ScaleMember, 'host' | 'pid' | 'since'>
  /** Someone came or went. */
  readonly changed: () => void
}

/** Who takes part: readers and workers of one name, as they say it themselves, in the state store. */
export class Members {
  readonly #deps: MembersDeps
  readonly #id = randomUUID()
  readonly #since: string
  readonly #seen = new Map<string, { beat: number; atMs: number }>()
  #beat = 0
  #hasLeft = false
  #living: readonly (readonly [id: string, member: Beating])[] = []
  #writing: Promise<void> = Promise.resolve()

  constructor(deps: MembersDeps) {
    this.#deps = deps
    this.#since = new Date(deps.clock.now()).toISOString()
  }

  /** Those that live, as far as this process has seen. */
  get living(): readonly ScaleMember[] {
    return this.#living.map(([, { beat: _beat, ...member }]) => member)
  }

  /** How many of all shares this worker is to have: each share has a worker, and none has two more than another. */
  quota(shares: number): number {
    const workers = this.#living.filter(([, { role }]) => role === 'worker').map(([id]) => id)
    const place = workers.indexOf(this.#id)
    if (place < 0) return 0
    return Math.floor(shares / workers.length) + Number(place < shares % workers.length)
  }

  /** Says that this process is there until the signal is aborted. A state store that is down is said by those who need it. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.tell()
      await this.#deps.clock.sleep(BEAT_MS, signal).catch(() => undefined)
    }
    // What is being written is written before; nothing is written afterwards.
    this.#hasLeft = true
    await this.#writing
    await this.#write((members) => {
      const { [this.#id]: _self, ...others } = members
      return others
    }).catch(() => undefined)
  }

  /** Says it now. */
  async tell(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#tellOnce()).catch(() => undefined)
    await this.#writing
  }

  async #tellOnce(): Promise<void> {
    if (this.#hasLeft) return
    this.#beat += 1
    const self: Beating = {
      ...this.#deps.self(),
      host: hostname(),
      pid: process.pid,
      since: this.#since,
      beat: this.#beat,
    }
    const members = await this.#write((stored) => ({ ...this.#alive(stored), [this.#id]: self }))
    const before = this.#living.map(([id]) => id).join(' ')
    this.#living = Object.entries(members).sort(([one], [other]) => (one < other ? -1 : 1))
    if (this.#living.map(([id]) => id).join(' ') !== before) this.#deps.changed()
  }

  #alive(members: Stored): Stored {
    const { clock, deadAfterMs } = this.#deps
    const now = clock.monotonicMs()
    return Object.fromEntries(
      Object.entries(members).filter(([id, { beat }]) => {
        const seen = this.#seen.get(id)
        if (seen === undefined || seen.beat !== beat) this.#seen.set(id, { beat, atMs: now })
        return now - this.#seen.get(id)!.atMs < deadAfterMs
      }),
    )
  }

  async #write(change: (members: Stored) => Stored): Promise<Stored> {
    const { state, clock } = this.#deps
    for (let attempt = 1; ; attempt++) {
      const stored = await state.load(KEY)
      const next = change(stored === null ? {} : membersIn(stored.value))
      if (await state.save(KEY, JSON.stringify(next), stored?.version ?? null)) return next
      // Another one has written at the same time: the next beat says it.
      if (attempt === ATTEMPTS) throw new Error('the list of members is written by many at once')
      await clock.sleep(Math.random() * 10 * attempt)
    }
  }
}

/** Who lives says so again in a second: what somebody else has written there is no reason to stop. */
function membersIn(stored: string): Stored {
  try {
    const members = Object.entries(JSON.parse(stored) as object)
    return Object.fromEntries(members.filter(([, member]) => BEATING(member) === null))
  } catch {
    return {}
  }
}
