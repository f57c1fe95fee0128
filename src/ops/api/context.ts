import type { Context } from 'hono'
import type { z } from 'zod'
import type { Events, RuleSwitches } from '../../events/contract.ts'
import { InvalidPosting } from '../../events/errors.ts'
import type { EventLimits, Scope } from '../../events/settings.ts'
import { jsonPath } from '../../model/json/strict-json.ts'
import type { Poster } from '../../model/event/posted/posting.ts'
import type { Clock } from '../../model/clock.ts'
import type { Value } from '../../model/event/row.ts'
import type { Log } from '../../model/rule/action.ts'
import type { SagaOperations } from '../../sagas/contract.ts'
import type { Caller, Tokens } from '../tokens.ts'
import type { Bodies } from './posting/body.ts'
import { queryOf, WebIncoming, type Incoming } from './posting/incoming.ts'
import { ApiError } from './problem.ts'
import { environmentQuery } from './schemas.ts'

export interface ApiDeps {
  readonly tokens: Tokens
  /** False: they are not configured. */
  readonly takesEvents: boolean
  /** Null while this instance takes none in: it starts, or another one leads. */
  readonly events: () => Events | null
  readonly rules: () => RuleSwitches | null
  /** Null while this instance runs none. */
  readonly sagas: () => SagaOperations | null
  /** A worker: the reader takes events and runs sagas. Where that is, as far as it is known; undefined: this is no worker. */
  readonly reader?: (() => string | null) | undefined
  readonly environments: readonly string[]
  readonly testEnvironments: ReadonlySet<string>
  readonly limits: EventLimits
  readonly version: string
  readonly clock: Clock
  readonly log: Log
}

/** What handlers share. */
export interface Api extends ApiDeps {
  readonly bodies: Bodies
}

export type Call = Context<{ Variables: { caller: Caller } }>

export function eventsOf({ events, takesEvents, reader }: ApiDeps): Events {
  if (!takesEvents) {
    throw new ApiError(404, 'BINGO_EVENTS_OFF', 'this instance takes no events', {
      hint: 'Write `events: {}` into its configuration.',
    })
  }
  const found = events()
  if (found !== null) return found
  if (reader !== undefined) throw elsewhere('BINGO_EVENTS_ELSEWHERE', 'takes no events', reader())
  throw notReady()
}

/** What a worker is asked for, and only the reader has. */
export function elsewhere(code: string, does: string, reader: string | null): ApiError {
  const hint = reader === null ? 'Ask the reader; none runs now.' : `Ask the reader, which runs on ${reader}.`
  return new ApiError(421, code, `this worker ${does}: the reader does`, { hint })
}

export function switchesOf({ rules }: ApiDeps): RuleSwitches {
  const found = rules()
  if (found === null) throw notReady()
  return found
}

function notReady(): ApiError {
  return new ApiError(
    503,
    'BINGO_EVENTS_NOT_READY',
    'this instance does not take events now: it starts, or is a standby',
    {
      hint: 'Retry, or ask the instance that leads.',
    },
  )
}

/** Throws ApiError 403. */
export function requireScope(call: Call, scope: Scope): Caller {
  return requireScopeOf(call.get('caller'), scope)
}

/** Who posts by this request, and where. Throws ApiError 401 and 403, InvalidPosting. */
export function postedBy(api: ApiDeps, incoming: Incoming): Poster {
  const caller = requireScopeOf(callerOf(api, incoming.header('authorization')), 'publish')
  const { query: given } = incoming
  const asked = given === '' ? undefined : queryIn(given, environmentQuery).environment
  return posterOf(api, caller, environmentFor(api, caller, asked), 'api')
}

/** Throws ApiError 401. */
export function callerOf({ tokens }: ApiDeps, authorization: string | undefined): Caller {
  const caller = tokens.callerOf(authorization)
  if (caller !== null) return caller
  throw new ApiError(401, 'BINGO_HTTP_TOKEN', 'send a token as "Authorization: Bearer …"')
}

/** Throws ApiError 403. */
function requireScopeOf(caller: Caller, scope: Scope): Caller {
  if (caller.scopes.has(scope)) return caller
  throw new ApiError(403, 'BINGO_HTTP_SCOPE', `the token lacks the scope "${scope}"`, {
    hint: `Add ${scope} to its scopes in http.tokens.`,
  })
}

/** The environment that a caller works in. Throws ApiError 403 for one of others, 422 for one that does not exist. */
export function environmentFor(api: ApiDeps, caller: Caller, asked: string | undefined): string {
  if (asked === undefined || asked === caller.environment) return caller.environment
  if (!caller.isAdmin) {
    throw new ApiError(403, 'BINGO_HTTP_ENVIRONMENT', 'the token belongs to another environment', {
      path: '$.environment',
    })
  }
  if (api.environments.includes(asked) || api.testEnvironments.has(asked)) return asked
  throw new InvalidPosting([{ path: '$.environment', message: 'there is no such environment' }])
}

export function posterOf(api: ApiDeps, caller: Caller, environment: string, source: string): Poster {
  return { environment, isTest: api.testEnvironments.has(environment), source, limitedAs: caller.name, hops: 0 }
}

/** The JSON of a request. Throws as `Bodies.json` does. */
export async function bodyOf(api: Api, call: Call): Promise<Value> {
  return (await api.bodies.json(new WebIncoming(call.req.raw))).value
}

/** The same; an empty object where a request has no body. */
export async function optionalBodyOf(api: Api, call: Call): Promise<Value> {
  const hasBody = call.req.raw.body !== null && call.req.header('content-length') !== '0'
  return hasBody ? bodyOf(api, call) : {}
}

/** The query, each name once unless it is a list. Throws InvalidPosting. */
export function query<T extends z.ZodType>(call: Call, schema: T, lists: readonly string[] = []): z.output<T> {
  return queryIn(queryOf(call.req.url), schema, lists)
}

function queryIn<T extends z.ZodType>(text: string, schema: T, lists: readonly string[] = []): z.output<T> {
  const given: { [name: string]: string | string[] } = Object.create(null) as { [name: string]: string }
  const sent = new URLSearchParams(text)
  for (const name of new Set(sent.keys())) {
    const values = sent.getAll(name)
    if (values.length === 1) given[name] = values[0]!
    else if (lists.includes(name)) given[name] = values
    else throw new InvalidPosting([{ path: jsonPath([name]), message: 'it is given twice' }])
  }
  return checked(schema, given)
}

export function checked<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const problems = read.error.issues.slice(0, 10).map((issue) => {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
    return {
      path: jsonPath([...issue.path, ...unknown]),
      message: unknown.length > 0 ? 'it is not known' : issue.message,
    }
  })
  throw new InvalidPosting(problems as [(typeof problems)[number]])
}
