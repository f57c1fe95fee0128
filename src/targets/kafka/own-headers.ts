import { headerBytes, textBytes } from '../../clients/kafka/record-batch.ts'
import type { Sendable } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { messageId, messageIdEnding } from '../plan/message-id.ts'
import type { KafkaActionOptions } from './options.ts'

export const CONTENT_TYPE = 'content-type'
export const EVENT_ID = 'bingo-event-id'
export const MESSAGE_ID = 'bingo-message-id'

const LARGEST_NUMBER = 2 ** 31 - 1
const ZERO = 0x30
const NO_BYTES = Buffer.alloc(0)

/** The headers of one action's records that BinGo adds itself, as bytes. */
export class OwnHeaders {
  readonly contentType: Buffer
  /** What stands behind the event's id in the id of the message. */
  readonly idEnding: Buffer
  readonly #action: ActionPlan
  readonly #typed: RowHeaders
  readonly #untyped: RowHeaders

  constructor(action: ActionPlan) {
    this.#action = action
    this.contentType = headerBytes(CONTENT_TYPE, (action.options as KafkaActionOptions).contentType)
    this.idEnding = Buffer.from(messageIdEnding(action))
    this.#typed = new RowHeaders(this.contentType, this.idEnding.length)
    this.#untyped = new RowHeaders(NO_BYTES, this.idEnding.length)
  }

  /**
   * All of them for the event of a row, until the next call. Null: they have to be written one by one, as those of the job
   * before say nothing about them. `isTyped`: with the content type.
   */
  ofRow({ idScope, idNumber }: Sendable, isTyped: boolean): Buffer | null {
    if (idScope === undefined || idNumber === undefined || idNumber > LARGEST_NUMBER) return null
    return (isTyped ? this.#typed : this.#untyped).of(idScope, idNumber, this.#action)
  }
}

/** Of rows of one transaction they differ in a number, which is all that is written for the next one. */
class RowHeaders {
  readonly #type: Buffer
  readonly #idEndingBytes: number
  #scope = ''
  /** Digits of the numbers that there is room for; 0: nothing is there yet. */
  #digits = 0
  #bytes = NO_BYTES
  /** Where the number ends in the id of the event. */
  #eventIdEnd = 0

  constructor(type: Buffer, idEndingBytes: number) {
    this.#type = type
    this.#idEndingBytes = idEndingBytes
  }

  of(scope: string, number: number, action: ActionPlan): Buffer | null {
    if (scope !== this.#scope) {
      // Of a transaction of one row there is no second one that it would pay for.
      this.#scope = scope
      this.#digits = 0
      return null
    }
    const digits = digitsOf(number)
    if (digits !== this.#digits) this.#make(`${scope}/${number}`, digits, action)
    writeDigits(this.#bytes, this.#eventIdEnd, number)
    writeDigits(this.#bytes, this.#bytes.length - this.#idEndingBytes, number)
    return this.#bytes
  }

  #make(id: string, digits: number, action: ActionPlan): void {
    const eventId = Buffer.concat([this.#type, headerBytes(EVENT_ID, id)])
    this.#eventIdEnd = eventId.length
    this.#bytes = Buffer.concat([eventId, textBytes(MESSAGE_ID), textBytes(messageId(id, action))])
    this.#digits = digits
  }
}

function digitsOf(number: number): number {
  let digits = 1
  for (let rest = number; rest > 9; rest = (rest / 10) | 0) digits++
  return digits
}

function writeDigits(bytes: Buffer, end: number, number: number): void {
  let at = end
  let rest = number
  do {
    const tenth = (rest / 10) | 0
    bytes[--at] = ZERO + rest - tenth * 10
    rest = tenth
  } while (rest > 0)
}
