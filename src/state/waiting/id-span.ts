import type { WaitingShape } from '../../model/delivery/waiting.ts'

/** Numbers of an id that stay exact in one number: the transaction's below 2^32, the event's in it below 2^20. */
const MOST_TRANSACTION = 2 ** 32
const MOST_EVENT = 2 ** 20
const [ZERO, NINE, SLASH] = [48, 57, 47]

/** Where an id stands among those that differ from it in their numbers only. */
export interface IdPlace {
  readonly name: string
  readonly number: number
}

/** From the lowest to the highest number of a name. */
export interface IdSpan {
  low: number
  high: number
}

/**
 * `uuid:1234/5#rule#0` is number 1234/5 of `uuid:#rule#0`: what follows each other in a binlog takes one entry in an index of
 * ranges, and not one each. Other ids are names of their own. Two ids may have one place; one id never has two.
 */
export function placeOf(id: string, suffixAt: number): IdPlace {
  const event = numberBefore(id, suffixAt)
  if (event === null || id.charCodeAt(event.start - 1) !== SLASH) return { name: id, number: 0 }
  const transaction = numberBefore(id, event.start - 1)
  if (transaction === null || transaction.value >= MOST_TRANSACTION || event.value >= MOST_EVENT) {
    return { name: id, number: 0 }
  }
  return {
    name: id.slice(0, transaction.start) + id.slice(suffixAt),
    number: transaction.value * MOST_EVENT + event.value,
  }
}

/** Where `#RULE#ACTION` begins in the id of a record. */
export function suffixOf(id: string, { ruleId, action }: WaitingShape): number {
  const at = id.lastIndexOf(`#${ruleId}#${action.identity}`)
  return at < 0 ? id.length : at
}

function numberBefore(text: string, end: number): { readonly start: number; readonly value: number } | null {
  let start = end
  let value = 0
  for (let unit = 1; start > 0 && unit < 1e12; unit *= 10) {
    const digit = text.charCodeAt(start - 1)
    if (digit < ZERO || digit > NINE) break
    value += (digit - ZERO) * unit
    start -= 1
  }
  // Nobody writes zeros ahead: "01" and "1" would be one.
  const written = end - start
  if (written === 0 || (written > 1 && text.charCodeAt(start) === ZERO)) return null
  return { start, value }
}

/** The spans of ids that come one after the other. */
export class IdSpans {
  readonly byName = new Map<string, IdSpan>()
  /** Of the id before: what another event of its transaction has in common with it. */
  private head = ''
  private tail = ''
  private shape: WaitingShape | null = null
  private first = 0
  private span: IdSpan | null = null

  add(id: string, shape: WaitingShape): void {
    const { head, tail } = this
    if (shape === this.shape && id.startsWith(head) && id.endsWith(tail) && id.length - tail.length > head.length) {
      const event = Number(id.slice(head.length, id.length - tail.length))
      // Anything else is looked at closely.
      if (event < MOST_EVENT && String(event).length === id.length - tail.length - head.length) {
        extend(this.span!, this.first + event)
        return
      }
    }
    this.begin(id, shape)
  }

  private begin(id: string, shape: WaitingShape): void {
    const suffixAt = suffixOf(id, shape)
    const { name, number } = placeOf(id, suffixAt)
    let span = this.byName.get(name)
    if (span === undefined) this.byName.set(name, (span = { low: number, high: number }))
    else extend(span, number)
    this.shape = name === id ? null : shape
    this.head = id.slice(0, id.lastIndexOf('/', suffixAt) + 1)
    this.tail = id.slice(suffixAt)
    this.first = number - (number % MOST_EVENT)
    this.span = span
  }
}

function extend(span: IdSpan, number: number): void {
  if (number < span.low) span.low = number
  if (number > span.high) span.high = number
}
