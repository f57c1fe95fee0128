import { table } from '../output/table.ts'
import { askApi, eventPath, print, withQuery, type ApiOptions } from './ask-api.ts'

export interface ListOptions extends ApiOptions {
  readonly status?: string
  readonly type?: string
  readonly source?: string
  readonly key?: string
  readonly user?: string
  readonly account?: string
  readonly since?: number
  readonly until?: number
  readonly limit?: number
}

interface Outcome {
  readonly rule: string
  readonly action: number
  readonly status: string
  readonly at: string
  readonly error?: string
  readonly deadLetter?: string
}

export interface ShownEvent {
  readonly id: string
  readonly type: string
  readonly source: string
  readonly key: string | null
  readonly status: string
  readonly matched: number
  readonly createdAt: string
  readonly deliverAt: string | null
  readonly error: string | null
  readonly outcomes: readonly Outcome[]
}

interface Page {
  readonly events: readonly ShownEvent[]
  readonly next: string | null
}

/** Events of one request. */
const PAGE = 200

/** `bingo events list`: newest first. */
export async function listPosted(options: ListOptions): Promise<void> {
  let left = options.limit ?? 50
  let cursor: string | undefined
  const rows: (string | number)[][] = [['CREATED', 'STATUS', 'MATCHED', 'TYPE', 'KEY', 'ID', 'ERROR']]
  do {
    const { body, text } = await askApi(options, pathOf(options, Math.min(left, PAGE), cursor))
    const { events, next } = body as Page
    if (options.json) print(events.length === 0 ? [] : [text.trimEnd()])
    for (const { createdAt, status, matched, type, key, id, error } of events) {
      rows.push([createdAt, status, matched, type, key ?? '', id, error ?? ''])
    }
    left -= events.length
    cursor = next ?? undefined
  } while (cursor !== undefined && left > 0)
  if (!options.json) print(table(rows))
}

function pathOf(options: ListOptions, limit: number, cursor: string | undefined): string {
  const { status, type, source, key, user, account, since, until, environment } = options
  const at = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString())
  return withQuery('/api/v1/events', {
    status,
    type,
    source,
    key,
    userId: user,
    accountId: account,
    since: at(since),
    until: at(until),
    environment,
    limit,
    cursor,
  })
}

/** `bingo events show`. */
export async function showPosted(id: string, options: ApiOptions): Promise<void> {
  const { text, body } = await askApi(options, withQuery(eventPath(id), { environment: options.environment }))
  if (options.json) print([text.trimEnd()])
  else print([...describe(body as ShownEvent), '', text.trimEnd()])
}

/** `bingo events cancel` and `replay`. */
export async function changePosted(
  id: string,
  verb: 'cancel' | 'replay',
  options: ApiOptions & { readonly ifNoEffect?: boolean },
): Promise<void> {
  const path = withQuery(eventPath(id, `/${verb}`), { environment: options.environment })
  const body = options.ifNoEffect === true ? '{"mode":"ifNoEffect"}' : undefined
  const { text, body: event } = await askApi(options, path, { method: 'POST', body })
  print(options.json ? [text.trimEnd()] : describe(event as ShownEvent))
}

function describe({ id, type, status, matched, deliverAt, error, outcomes }: ShownEvent): string[] {
  const due = status === 'pending' && deliverAt !== null ? `, due ${deliverAt}` : ''
  const head = `${id} ${type}: ${status}${due}, matched ${matched} ${matched === 1 ? 'rule' : 'rules'}`
  return [
    head,
    ...(error === null ? [] : [`  error: ${error}`]),
    ...outcomes.map(
      ({ rule, action, status: end, at, error: why, deadLetter }) =>
        `  ${rule}#${action + 1} ${end} ${at}${why === undefined ? '' : ` ${why}`}${deadLetter === undefined ? '' : ` (dead letter ${deadLetter})`}`,
    ),
  ]
}
