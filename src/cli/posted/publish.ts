import { readFileSync } from 'node:fs'
import { BingoError } from '../../model/errors.ts'
import { exactJson, JsonProblem, parseJson } from '../../model/json/strict-json.ts'
import type { Value } from '../../model/event/row.ts'
import { askApi, print, withQuery, type ApiOptions } from './ask-api.ts'

export interface PublishOptions extends ApiOptions {
  readonly payload?: string
  readonly payloadContext?: string
  readonly key?: string
  readonly id?: string
  readonly source?: string
  readonly deliverAt?: string
  /** Milliseconds. */
  readonly deliverAfter?: number
  /** NDJSON, each line an event; `-`: stdin. */
  readonly file?: string
  readonly test?: boolean
}

/** Events of one request. */
const BATCH = 500
const MAX_DEPTH = 900

/** `bingo events publish`. */
export async function publishEvents(type: string | undefined, options: PublishOptions): Promise<void> {
  const events = options.file === undefined ? [eventOf(type, options)] : readEvents(options.file)
  const { deliverAt, deliverAfter } = options
  const when = {
    ...(deliverAt !== undefined && { deliverAt }),
    ...(deliverAfter !== undefined && { deliverAfter: Math.round(deliverAfter / 1_000) }),
  }
  for (let from = 0; from < events.length; from += BATCH) {
    const path = withQuery('/api/v1/events/bulk', { environment: options.environment })
    const body = exactJson({ events: events.slice(from, from + BATCH), options: when })
    const { text, body: records } = await askApi(options, path, { method: 'POST', body })
    if (options.json) print([text.trimEnd()])
    else print((records as readonly Posted[]).map(lineOf))
  }
}

interface Posted {
  readonly id: string
  readonly type: string
  readonly durability: string
  readonly duplicate?: boolean
  readonly deliverAt: string | null
}

function lineOf({ id, type, durability, duplicate, deliverAt }: Posted): string {
  const due = deliverAt === null ? '' : `, due ${deliverAt}`
  return `${id} ${type} ${duplicate === true ? 'was stored before' : `stored (${durability}${due})`}`
}

function eventOf(type: string | undefined, options: PublishOptions): object {
  if (type === undefined)
    throw invalid('the type of the event is missing', 'Write: bingo events publish orders.order.create')
  const { payload, payloadContext, key, id, source, test } = options
  return {
    type,
    ...(payload !== undefined && { payload: json(payload, '--payload') }),
    ...(payloadContext !== undefined && { context: json(payloadContext, '--context') }),
    ...(key !== undefined && { key }),
    ...(id !== undefined && { id }),
    ...(source !== undefined && { source }),
    ...(test === true && { isTest: true }),
  }
}

function readEvents(file: string): readonly Value[] {
  let text: string
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw invalid(`cannot read ${file} (${(cause as NodeJS.ErrnoException).code ?? 'error'})`, 'Check the path.')
  }
  const events: Value[] = []
  for (const [i, line] of text.split('\n').entries())
    if (line.trim() !== '') events.push(json(line, `${file}:${i + 1}`))
  if (events.length === 0)
    throw invalid(
      `${file === '-' ? 'stdin' : file} holds no event`,
      'Write one event per line: {"type": "orders.order.create"}',
    )
  return events
}

function json(text: string, where: string): Value {
  try {
    return parseJson(text, MAX_DEPTH)
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error
    throw invalid(`${where} is not valid JSON: ${error.message}`, `Quote it for the shell: --payload '{"id": 1}'`)
  }
}

function invalid(message: string, hint: string): BingoError {
  return new BingoError('BINGO_EVENT_REFUSED', message, { hint })
}
