import type { Change } from '../../model/event/change.ts'
import type { WantedVersion } from '../../model/event/posted/stream-sink.ts'
import { nameProblem } from '../../model/stored-name.ts'
import type { ActionSpec } from '../../model/rule/action.ts'
import { EvaluationError } from '../../model/errors.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import type { Piece } from '../plan/piece.ts'
import type { EventPayload } from './options.ts'

const WORDS = ['no-stream', 'stream-exists', 'any'] as const
const LAST_VERSION = 2_147_483_647
const VERSION_HINT = `write a version (0: the stream does not exist yet), or one of: ${WORDS.join(', ')}`
/** What an event of the rules has, and one of a stream has not. */
const NOT_STORED = ['key', 'context', 'metadata', 'sessionId', 'accountId'] as const

/** Refuses what cannot be right, whatever is rendered. */
export function checkAppend(action: ActionSpec, own: ActionSpec): void {
  const code = 'BINGO_RULE_EVENT_STREAM'
  for (const field of NOT_STORED) {
    if (!own.has(field)) continue
    own.fail(field, code, `an event of a stream has no ${field}`, 'put it into the payload, or leave out `stream`')
  }
  for (const field of ['deliverAt', 'deliverAfter']) {
    if (!action.has(field)) continue
    action.fail(field, code, 'an append to a stream cannot wait', 'use `delay` of the rule')
  }
  const stream = own.template('stream')?.constant
  const problem = stream === undefined ? null : nameProblem(stream)
  if (problem !== null)
    own.fail('stream', code, `the name of the stream ${problem}`, 'write for example "order-{{key}}"')
  const version = own.template('expectedVersion')?.constant
  if (version !== undefined && versionOf(version) === null) {
    own.fail('expectedVersion', code, `${JSON.stringify(version)} is not a version of a stream`, VERSION_HINT)
  }
}

/** Refuses what only an append has. */
export function checkNoAppend(own: ActionSpec): void {
  for (const field of ['expectedVersion', 'source']) {
    if (!own.has(field)) continue
    const hint = 'add stream: "order-{{key}}", or remove it'
    own.fail(field, 'BINGO_RULE_EVENT_STREAM', `${field} is for events that are appended to a stream`, hint)
  }
}

/** The event that `made` renders, with its place in the event store. */
export function compileAppend(own: ActionSpec, made: Piece<EventPayload>): Piece<EventPayload> {
  const [stream, version, source] = [own.template('stream'), own.template('expectedVersion'), own.template('source')]
  return {
    reads: (table) =>
      unionReads([made.reads(table), ...[stream, version, source].flatMap((each) => each?.reads(table) ?? [])]),
    bind: (table) => {
      const render = made.bind(table)
      const renderStream = stream?.bind(table) ?? (() => '')
      const [renderVersion, renderSource] = [version?.bind(table), source?.bind(table)]
      return (change: Change) => {
        const payload = render(change)
        const expectedVersion = wantedVersion(renderVersion?.(change) ?? '')
        const given = renderSource?.(change) ?? ''
        return {
          ...payload,
          event: given === '' ? payload.event : { ...payload.event, source: checkedName('source', given) },
          append: { stream: checkedName('stream', renderStream(change)), expectedVersion },
        }
      }
    },
  }
}

function checkedName(what: string, name: string): string {
  const problem = nameProblem(name)
  if (problem === null) return name
  throw new EvaluationError('BINGO_EVENT_CONTENT', `the ${what} of the event to append ${problem}`)
}

function wantedVersion(text: string): WantedVersion {
  const version = versionOf(text)
  if (version !== null) return version
  throw new EvaluationError(
    'BINGO_EVENT_CONTENT',
    `expectedVersion of the event to append is ${JSON.stringify(text.slice(0, 80))}, not a version`,
    { hint: VERSION_HINT },
  )
}

/** The empty text is any version. */
function versionOf(text: string): WantedVersion | null {
  if (text === '') return 'any'
  if (/^\d{1,10}$/.test(text) && Number(text) <= LAST_VERSION) return Number(text)
  return WORDS.find((word) => word === text) ?? null
}
