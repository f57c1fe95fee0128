import type { ActionType, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import type { Payload } from '../../model/rule/rule.ts'
import type { FieldSpec } from '../../model/rule/action-field.ts'
import { READS_WHOLE_ROW, unionReads } from '../../model/table/column-reads.ts'
import { BingoError } from '../../model/errors.ts'
import { eventJson } from '../../model/event/forms/event-json.ts'
import { DeadlineError, withDeadline } from '../../model/with-deadline.ts'
import { shortestTimeoutMs } from '../failure/deadline.ts'
import { deliveryFailure } from '../failure/failure.ts'
import type { Piece } from '../plan/piece.ts'
import { targetConfig } from '../plan/target-id.ts'
import { compileFields, constantsOf, isRendered, type Fields } from './fields.ts'
import type { CustomTarget, TargetMessage, TargetOptions, TargetType } from './target-type.ts'

const BODY: FieldSpec = { kind: 'structure', doc: 'What is sent. Default: the event.' }
const MAX_BATCH = 100

/** What a message holds of one event. */
interface CustomPayload {
  readonly body: unknown
  readonly fields: TargetOptions
}

/** `taken`: names that fields cannot have, because every action has them. Throws BINGO_TARGET_TYPE_INVALID. */
export function customActionType(given: TargetType, taken: readonly string[]): ActionType {
  const { type, targetFields = [] } = given
  const own = given.fields ?? {}
  checkType(type, own, targetFields, taken)
  const address = Object.fromEntries(Object.entries(own).filter(([name]) => targetFields.includes(name)))
  const perMessage = Object.fromEntries(Object.entries(own).filter(([name]) => !targetFields.includes(name)))
  return {
    type,
    fields: { body: BODY, ...own },
    targetFields,
    defaultCoalesce: () => 'none',
    compile(spec) {
      const fields = compileFields(spec, perMessage)
      const body = spec.structure('body') ?? wholeEvent
      const options = constantsOf(spec, address)
      const target = targetConfig(type, spec, '', options)
      return {
        target: { ...target, id: target.id.trimEnd() },
        options: null,
        reads: (table) => unionReads([body.reads(table), fields.reads(table)]),
        bind: (table) => {
          const renderBody = body.bind(table)
          const renderFields = fields.bind(table)
          return (change): Payload => {
            const payload: CustomPayload = { body: renderBody(change), fields: renderFields(change) }
            return payload
          }
        },
      }
    },
    async open({ id, options }, { log }) {
      return new OpenCustomTarget(id, await given.open(options as TargetOptions, { log, target: id }))
    },
  }
}

const wholeEvent: Piece<unknown> = { reads: () => READS_WHOLE_ROW, bind: () => eventJson }

function checkType(type: string, own: Fields, targetFields: readonly string[], taken: readonly string[]): void {
  if (!/^[A-Za-z][\w-]{0,63}$/.test(type)) {
    throw invalid(type, 'this is not a valid name', 'Letters, digits, "_" and "-", a letter first, at most 64.')
  }
  const used = Object.keys(own).find((name) => name === 'body' || taken.includes(name))
  if (used !== undefined) {
    throw invalid(
      type,
      `every action has a field "${used}" already`,
      `Names that are taken: body, ${taken.join(', ')}.`,
    )
  }
  for (const name of targetFields) {
    const field = own[name]
    if (field === undefined)
      throw invalid(type, `targetFields names "${name}", which is not a field`, 'Add it to fields.')
    if (isRendered(field)) {
      throw invalid(
        type,
        `"${name}" is a ${field.kind}, and the address is the same for every event`,
        'Use kind: string.',
      )
    }
  }
}

function invalid(type: string, why: string, hint: string): BingoError {
  return new BingoError('BINGO_TARGET_TYPE_INVALID', `The target type "${type}" cannot be used: ${why}`, { hint })
}

class OpenCustomTarget implements Target {
  readonly gather: 'all' | 'lane'
  readonly maxBatch: number
  readonly maxConcurrency: number
  readonly #id: string
  readonly #target: CustomTarget

  constructor(id: string, target: CustomTarget) {
    this.#id = id
    this.#target = target
    this.maxBatch = target.maxBatch ?? MAX_BATCH
    this.maxConcurrency = target.maxConcurrency ?? 1
    this.gather = this.maxConcurrency === 1 ? 'all' : 'lane'
  }

  async send(jobs: readonly Sendable[], signal: AbortSignal): Promise<SendResult> {
    const messages = jobs.map(({ id, key, at, payload, action }) => {
      const { body, fields } = payload as CustomPayload
      return { id, rule: action.rule.id, key, at: at / 1_000, body, fields }
    })
    const result = await this.#send(messages, shortestTimeoutMs(jobs), signal)
    if (result === undefined || result.length === jobs.length) return result
    // Which of them failed cannot be told, and none may be lost.
    throw new BingoError(
      'BINGO_TARGET_RESULT_INVALID',
      `${this.#id} answered ${result.length} results for ${jobs.length} messages`,
      { hint: 'Answer undefined, or one entry per message: null where it was taken.', retryable: true },
    )
  }

  /** Gives up after the time, or when a stop does, whether or not the target heeds the signal. */
  async #send(messages: readonly TargetMessage[], timeoutMs: number, stop: AbortSignal): Promise<SendResult> {
    const giveUp = new AbortController()
    const onStop = (): void => giveUp.abort(stop.reason)
    stop.addEventListener('abort', onStop, { once: true })
    try {
      const send = (async () => this.#target.send(messages, giveUp.signal))()
      return (await withDeadline(send, timeoutMs)) ?? undefined
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error
      giveUp.abort(error)
      const failure = deliveryFailure('unknown', 'BINGO_TARGET_TIMEOUT', `${this.#id}: ${error.message}`, {
        hint: 'Raise `timeout` of the action, or end the send when its signal is aborted.',
      })
      return messages.map(() => failure)
    } finally {
      stop.removeEventListener('abort', onStop)
    }
  }

  async close(): Promise<void> {
    await this.#target.close?.()
  }
}
