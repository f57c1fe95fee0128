import type { DeadLetter } from '../../src/model/delivery/dead-letter.ts'
import type { WaitingRecord } from '../../src/model/delivery/waiting.ts'
import { rowKeyText } from '../../src/model/event/row-key.ts'
import type { Change } from '../../src/model/event/change.ts'
import { ChangeReader } from '../../src/waiting/record.ts'
import { fatesOf, type Fate } from './fates.ts'
import { committed, type Group } from './history.ts'
import { KINDS, type SimPayload } from './sim-rules.ts'

/** Actions whose effects on one row come in the order of commits together: of rules that wait for nothing, and of one rule. */
const ORDERED_TOGETHER = new Map([
  ['plain/0', 'a'],
  ['pair/0', 'a'],
  ['either/0', 'either'],
  ['either/1', 'either'],
])

/** Rules whose actions all fire for every change. */
const ONE_AFTER_THE_OTHER = new Set(['pair'])

const LATEST = new Set(KINDS.filter(({ coalesce }) => coalesce === 'latest').map(({ id }) => id))

/** Rules that send every event, so that what comes first of each is in order over crashes as well. */
const EACH = new Set(KINDS.filter(({ coalesce }) => coalesce === 'none').map(({ id }) => id))

/** An action for an event that is durable in a line of the waiting store. */
interface Waiting {
  readonly id: string
  readonly row: string
  readonly number: number
  readonly seq: number
}

/** What one process found when it started. */
interface Start {
  /** Actions in the waiting store. */
  readonly inherited: ReadonlySet<string>
  /** Events from this group on come again: those in the store may be delivered before that, and then once more. */
  readonly group: number
}

interface Expected {
  readonly id: string
  readonly rule: string
  readonly action: number
  readonly rowKey: string
  readonly number: number
  readonly latest: boolean
}

/** What arrived, what was given up, and which promises that breaks. */
export class Ledger {
  effects = 0
  /** The first promise that was broken. */
  violation: BrokenInvariant | null = null
  private readonly perGroup: readonly (readonly Expected[])[]
  private readonly committedEvents = new Set<string>()
  private readonly keysOf = new Map<string, readonly string[]>()
  /** Acknowledged effects and dead letters: `rule/action/event`. */
  private readonly done = new Set<string>()
  private readonly inIncarnation = new Map<number, Set<string>>()
  /** `incarnation/rule/action/key` → number of the newest acknowledged effect. */
  private readonly newest = new Map<string, number>()
  /** `incarnation/rule/action` → number of the newest acknowledged effect on any row. */
  private readonly newestRow = new Map<string, number>()
  /** `rule/action/row key` → number of the newest acknowledged effect of all. */
  private readonly newestOfAll = new Map<string, number>()
  /** The same, but for what a process that was replaced had sent before. */
  private readonly newestFirst = new Map<string, number>()
  /** `rule/row key` → number of the change that it is parked behind. */
  private readonly parkedBehind = new Map<string, number>()
  private checkedUpTo = 0
  private readonly fates: ReadonlyMap<string, Fate>
  /** By id, and by place. */
  private readonly waiting = new Map<string, Waiting>()
  private readonly places = new Map<number, string>()
  private readonly starts = new Map<number, Start>()
  /** `rule/action/row key` → number of the last acknowledged effect. */
  private readonly last = new Map<string, number>()
  private readonly newestOfLast = new Map<string, number>()

  constructor(history: readonly Group[]) {
    for (const group of history) {
      for (const change of group.changes) this.keysOf.set(change.id, keysOf(change))
      for (const change of committed(group)) this.committedEvents.add(change.id)
    }
    this.fates = fatesOf(history)
    this.perGroup = history.map((group) => committed(group).flatMap(expectedOf))
  }

  /** Nothing waits in the store any more. */
  get nothingWaits(): boolean {
    return this.waiting.size === 0
  }

  /** A process begins, where the checkpoint stands before this group. */
  began(incarnation: number, group: number): void {
    this.starts.set(incarnation, { inherited: new Set(this.waiting.keys()), group })
  }

  waits(record: WaitingRecord, seq: number): void {
    const { shape, rowKey } = record
    const change = new ChangeReader().read(record)
    const id = `${shape.ruleId}/${shape.actionIndex}/${change.id}`
    if (!this.committedEvents.has(change.id)) this.broken(3, `${id} waits and was never committed`)
    const before = this.waiting.get(id)
    if (before !== undefined) this.places.delete(before.seq)
    const row = `${shape.ruleId}/${shape.actionIndex}/${rowKey}`
    const number = change.transaction.offset * 1_000 + change.seq
    this.waiting.set(id, { id, row, number, seq })
    this.places.set(seq, id)
  }

  left(places: readonly number[]): void {
    for (const seq of places) {
      const id = this.places.get(seq)
      if (id === undefined) continue
      this.places.delete(seq)
      this.waiting.delete(id)
    }
  }

  effect(payload: SimPayload, incarnation: number, acknowledged: boolean): void {
    const { rule, action, event, rowKey, number } = payload
    this.effects += 1
    const id = `${rule}/${action}/${event}`
    this.checkFate(id, payload)
    if (!this.committedEvents.has(event)) this.broken(3, `${id} was never committed`)
    if (action > 0 && ONE_AFTER_THE_OTHER.has(rule) && !this.done.has(`${rule}/${action - 1}/${event}`)) {
      this.broken(2, `${id} came before the action that it follows`)
    }
    const parked = this.parkedBehind.get(`${rule}/${rowKey}`)
    // What a process that was replaced had sent before may arrive late.
    const late = this.starts.has(incarnation + 1)
    if (parked !== undefined && number > parked && !late) this.broken(2, `${id} overtakes a parked event of its row`)
    const groups = [`${rule}/${action}`]
    const together = ORDERED_TOGETHER.get(`${rule}/${action}`)
    if (together !== undefined) groups.push(`target ${together}`)
    const seen = this.inIncarnation.get(incarnation) ?? new Set()
    this.inIncarnation.set(incarnation, seen)
    const repeated = this.comesAgain(incarnation, id, number) && !seen.has(id)
    for (const group of groups)
      this.ordered({ place: `${incarnation}/${group}`, event, number, id, acknowledged, group, repeated })
    if (!acknowledged) return
    const row = `${rule}/${action}/${rowKey}`
    if (!late && EACH.has(rule)) {
      const newest = this.newestFirst.get(row) ?? -1
      if (!this.done.has(id) && number < newest)
        this.broken(2, `${id} (${number}) came for the first time behind ${newest} of its row`)
      this.newestFirst.set(row, Math.max(newest, number))
    }
    if (seen.has(id) && !this.comesAgain(incarnation, id, number))
      this.broken(5, `${id} was acknowledged twice without a crash`)
    seen.add(id)
    this.done.add(id)
    this.newestOfAll.set(row, Math.max(this.newestOfAll.get(row) ?? 0, number))
    // What a process that was replaced had sent before may arrive behind the effects of the new one.
    if (this.starts.has(incarnation + 1)) return
    this.last.set(row, number)
    this.newestOfLast.set(row, Math.max(this.newestOfLast.get(row) ?? 0, number))
  }

  deadLetter({ ruleId, actionIndex, event, rowKey, state }: DeadLetter): void {
    if (!this.committedEvents.has(event.id)) this.broken(3, `a dead letter of ${event.id}, which was never committed`)
    const id = `${ruleId}/${actionIndex}/${event.id}`
    if (this.fates.get(id)?.sent === false) this.broken(3, `${id} is a dead letter, and was never to be sent`)
    this.done.add(id)
    const number = Number(event.position.offset) * 1_000 + event.seq
    // Of an event that came again and failed then, the dead letter is what counts.
    const row = `${ruleId}/${actionIndex}/${rowKey}`
    this.last.set(row, Math.max(this.last.get(row) ?? 0, number))
    // What it had superseded has ended with it.
    this.newestOfAll.set(row, Math.max(this.newestOfAll.get(row) ?? 0, number))
    if (state !== 'park') return
    const key = `${ruleId}/${rowKey}`
    this.parkedBehind.set(key, Math.min(this.parkedBehind.get(key) ?? Infinity, number))
  }

  /** A checkpoint was stored: everything before it must be finished. */
  saved(group: number): void {
    for (; this.checkedUpTo < group; this.checkedUpTo++) {
      for (const expected of this.perGroup[this.checkedUpTo]!) {
        if (!this.isDone(expected) && !this.isKept(expected))
          this.broken(4, `the checkpoint passed ${expected.id}, which is not finished`)
      }
    }
  }

  /** Everything was read, and nothing is in flight any more. */
  ended(): void {
    const lost = this.perGroup.flat().filter((expected) => !this.isDone(expected))
    if (lost.length > 0) this.broken(1, `${lost.length} lost, first ${lost[0]!.id}`)
    for (const [row, number] of this.last) {
      const newest = this.newestOfLast.get(row)!
      if (number < newest) this.broken(2, `${row} ends with ${number}, which is older than ${newest}`)
    }
  }

  /** What came was to come, and says what it was to say. */
  private checkFate(id: string, { rowKey, version, looked, count }: SimPayload): void {
    const fate = this.fates.get(id)
    if (fate === undefined) return
    if (!fate.sent) this.broken(3, `${id} was sent, and was cancelled, is not so any more, or was never to be`)
    if (version !== fate.version || rowKey !== fate.rowKey)
      this.broken(1, `${id} says ${version} of a row with ${fate.version}`)
    if (looked !== fate.looked) this.broken(1, `${id} looked up ${looked} instead of ${fate.looked}`)
    if (count !== fate.count) this.broken(5, `${id} counted ${count} instead of ${fate.count}`)
  }

  /** A target was paused, and was sent to. */
  sentWhilePaused(target: string): void {
    this.broken(3, `something was sent to ${target}, which is paused`)
  }

  /** In the store when its process began, and to be read once more. */
  private comesAgain(incarnation: number, id: string, number: number): boolean {
    const start = this.starts.get(incarnation)
    if (start === undefined || !start.inherited.has(id)) return false
    // One that was superseded when it came again still stands at its former place; what superseded it comes behind it.
    return number >= start.group * 1_000 || LATEST.has(id.slice(0, id.indexOf('/')))
  }

  private isKept({ id, rule, action, rowKey, number, latest }: Expected): boolean {
    if (this.waiting.has(id)) return true
    const row = `${rule}/${action}/${rowKey}`
    return latest && [...this.waiting.values()].some((each) => each.row === row && each.number > number)
  }

  /** Kept, not thrown: it happens inside of the pipeline, which would take it for a failure of the target. */
  private broken(invariant: number, what: string): void {
    this.violation ??= new BrokenInvariant(`invariant ${invariant}: ${what}`)
  }

  private isDone({ id, rule, action, rowKey, number, latest }: Expected): boolean {
    if (this.fates.get(id)?.sent === false) return true
    if (this.done.has(id)) return true
    return latest && (this.newestOfAll.get(`${rule}/${action}/${rowKey}`) ?? 0) > number
  }

  /** A statement is ordered with every row. */
  private ordered(effect: Effect): void {
    const { place, event, number, id, acknowledged, repeated } = effect
    const keys = this.keysOf.get(event)!
    if (keys.length > 0) {
      if (number < (this.newest.get(`${place}/statement`) ?? -1)) this.broken(2, `${id} came after a later TRUNCATE`)
      for (const key of keys) this.inOrder(`${place}/${key}`, effect)
      if (acknowledged && !repeated) this.newestRow.set(place, Math.max(this.newestRow.get(place) ?? -1, number))
      return
    }
    if (number < (this.newestRow.get(place) ?? -1)) this.broken(2, `${id}, a TRUNCATE, came after a later row`)
    this.inOrder(`${place}/statement`, effect)
  }

  private inOrder(key: string, { number, id, acknowledged, group, repeated }: Effect): void {
    const newest = this.newest.get(key) ?? -1
    const again = group.startsWith('target') ? number < newest : number <= newest
    if (again) this.broken(2, `${id} (${number}) came after ${newest} of ${key}`)
    if (acknowledged && !repeated) this.newest.set(key, number)
  }
}

interface Effect {
  readonly place: string
  readonly event: string
  readonly number: number
  readonly id: string
  readonly acknowledged: boolean
  readonly group: string
  /** It was in the store when the process began, and comes again: until then the order may be another one. */
  readonly repeated: boolean
}

function expectedOf(change: Change): Expected[] {
  const rowKey = rowKeyText(change.table, change.old, change.new)
  const number = change.transaction.offset * 1_000 + change.seq
  return KINDS.filter(({ matches }) => matches(change)).flatMap(({ id: rule, targets, coalesce, fires }) =>
    targets.flatMap((_target, action) =>
      fires(change, action) || rule === 'looked-up'
        ? [
            {
              id: `${rule}/${action}/${change.id}`,
              rule,
              action,
              rowKey,
              number,
              latest: coalesce === 'latest',
            },
          ]
        : [],
    ),
  )
}

/** The row keys that a change is about: two for an UPDATE of the key, none for a statement. */
function keysOf({ key, previousKey }: Change): readonly string[] {
  if (key === null) return []
  return previousKey === undefined ? [key] : [key, previousKey]
}

export class BrokenInvariant extends Error {}
