import type { z } from 'zod'
import type { Clock } from '../model/clock.ts'
import type { EventCounters } from '../model/event/posted/event-counters.ts'
import type { EventEnvelope, EventFields } from '../model/event/posted/event-record.ts'
import type { EventSchemas } from '../model/event/posted/event-schemas.ts'
import type { EventSink, MadeEvent } from '../model/event/posted/event-sink.ts'
import type { EventPublisher, Poster, PostingOptions, PostingProblem } from '../model/event/posted/posting.ts'
import { RESERVED_TYPES } from '../model/event/posted/invocation.ts'
import { uuid7 } from '../model/event/posted/uuid7.ts'
import { encodeEnvelope } from '../model/event/forms/event-codec.ts'
import { jsonPath } from '../model/json/strict-json.ts'
import type { Value } from '../model/event/row.ts'
import type { EventProvider, NewEvent, Posted, PostOptions } from '../model/state/event-provider.ts'
import { checkJson } from './check-json.ts'
import { InvalidPosting, tooLarge, tooManyHops } from './errors.ts'
import { plainCopy } from './plain-copy.ts'
import { eventSchema, optionsSchema, type EventInput, type OptionsInput } from './post-schema.ts'
import { RateGate } from './rate-gate.ts'
import type { EventLimits } from './settings.ts'
import { simpleEvent } from './simple-event.ts'

export interface PublisherDeps {
  readonly provider: Pick<EventProvider, 'post'>
  readonly limits: EventLimits
  /** Which instance takes them in. */
  readonly instanceId: string
  readonly clock: Clock
  readonly counters: EventCounters
  /** What payloads of some types have to look like; another object after a reload. */
  readonly schemas?: (() => EventSchemas | undefined) | undefined
  /** Called when events were stored: some may be due at a time that nobody waits for yet. */
  readonly stored?: ((posted: readonly Posted[]) => void) | undefined
}

/** A sender whose clock is behind may say a moment that has just passed; an older one is a mistake. */
const LATE_MS = 300_000
const MOST_PROBLEMS = 10
const NO_OPTIONS: OptionsInput = {}

/** The one door for posted events: checks, completes, limits, and stores them. */
export class Publisher implements EventPublisher {
  /** For the events that rules make: they are complete, and were checked where they were made. */
  readonly sink: EventSink = { publish: (events) => this.publishMade(events) }
  private readonly deps: PublisherDeps
  private readonly gate: RateGate | null

  constructor(deps: PublisherDeps) {
    this.deps = deps
    const { ratePerSecond } = deps.limits
    this.gate = ratePerSecond === null ? null : new RateGate(ratePerSecond, deps.clock)
  }

  publish(posting: PostingOptions, by: Poster): Promise<readonly Posted[]> {
    const now = this.deps.clock.now()
    return this.store(() => {
      const options = this.optionsOf(posting, now)
      const events = this.eventsOf(posting, options, by, now)
      if (by.limitedAs !== null) this.gate?.pass(by.limitedAs, events.length)
      return { events, options: { now, onConflict: options.onConflict ?? 'keep' } }
    })
  }

  private async publishMade(made: readonly MadeEvent[]): Promise<void> {
    const { instanceId, clock } = this.deps
    const events = made.map(({ event, sent }) => ({ event: { ...event, instanceId }, sent }))
    await this.store(() => ({ events, options: { now: clock.now(), onConflict: 'keep' } }))
  }

  private async store(make: () => { events: readonly NewEvent[]; options: PostOptions }): Promise<readonly Posted[]> {
    const { provider, counters, stored } = this.deps
    try {
      const { events, options } = make()
      const posted = await provider.post(events, options)
      counters.took(events, posted)
      stored?.(posted)
      return posted
    } catch (error) {
      counters.refused(error)
      throw error
    }
  }

  private optionsOf({ options, isParsed }: PostingOptions, now: number): OptionsInput {
    if (options === undefined || options === null) return NO_OPTIONS
    const read = optionsSchema.safeParse(isParsed === true ? options : withoutDates(options))
    if (!read.success) throw new InvalidPosting(problemsOf(read.error, ['options']))
    const { deliverAt } = read.data
    if (deliverAt !== undefined && deliverAt < now - LATE_MS) {
      throw new InvalidPosting([{ path: '$.options.deliverAt', message: 'the moment has passed' }])
    }
    return read.data
  }

  private eventsOf(posting: PostingOptions, options: OptionsInput, by: Poster, now: number): NewEvent[] {
    const { limits } = this.deps
    const { events, path = (i) => ['events', i] } = posting
    if (by.hops > limits.hops) throw tooManyHops(by.hops, limits.hops)
    if (events.length > limits.batch) {
      const where = jsonPath(path(limits.batch).slice(0, -1))
      throw new InvalidPosting([{ path: where, message: `more than ${limits.batch} events in one request` }])
    }
    const schemas = this.deps.schemas?.()
    const problems: PostingProblem[] = []
    const made: NewEvent[] = []
    for (const [i, event] of events.entries()) {
      const named = i === 0 ? withKey(event, posting.idempotencyKey) : event
      const read = readEvent(named, posting.isParsed === true)
      if (!read.success) problems.push(...problemsOf(read.error, path(i)))
      else if (isRefusedType(read.data, posting))
        problems.push({ path: jsonPath([...path(i), 'type']), message: RESERVED })
      else {
        const event = this.newEvent(read.data, posting, options, by, now, i)
        const misfit = schemas?.misfitOf(event.event.type, event.event.payload)
        if (misfit == null) made.push(event)
        else problems.push({ path: jsonPath(path(i)) + misfit.path.slice(1), message: misfit.message })
      }
      if (problems.length >= MOST_PROBLEMS) break
    }
    if (problems.length > 0) throw new InvalidPosting(problems.slice(0, MOST_PROBLEMS))
    return made
  }

  private newEvent(
    input: EventInput,
    {
      isParsed = false,
      isPlain: isAsRead = false,
      maxEventBytes = Infinity,
      path = (i) => ['events', i],
    }: PostingOptions,
    options: OptionsInput,
    by: Poster,
    now: number,
    index: number,
  ): NewEvent {
    const { limits, instanceId } = this.deps
    const deliverAt = dueAt(options, now)
    const event: EventEnvelope = {
      id: input.id ?? uuid7(now),
      type: (input.type ?? input.name)!,
      source: input.source ?? by.source,
      key: input.key ?? null,
      payload: (input.payload ?? null) as Value,
      context: fieldsOf(input.context, isAsRead),
      metadata: fieldsOf(input.metadata, isAsRead),
      userId: input.userId ?? null,
      sessionId: input.sessionId ?? null,
      accountId: input.accountId ?? options.accountId ?? null,
      instanceId,
      environment: by.environment,
      correlationId: input.correlationId ?? null,
      causationId: input.causationId ?? null,
      traceparent: input.traceparent ?? null,
      hops: by.hops,
      timestamp: input.timestamp ?? now,
      deliverAt,
      isTest: by.isTest || (input.isTest ?? false),
    }
    const read = isParsed ? (isAsRead ? event : undefined) : plainCopy(event, limits.depth)
    if (!isParsed && read === undefined) {
      checkJson({ payload: event.payload, context: event.context, metadata: event.metadata }, limits.depth, path(index))
    }
    const encoded = maxEventBytes > limits.eventBytes ? encodeEnvelope(read ?? event) : undefined
    if (encoded !== undefined && encoded.byteLength > limits.eventBytes) {
      throw tooLarge(`The event ${jsonPath(path(index))}`, limits.eventBytes)
    }
    if (!isParsed) return { event, sent: sentFields(input, options, by), encoded, read }
    return {
      event,
      /** Asked for only where the id is known already. */
      get sent() {
        return sentFields(input, options, by)
      },
      encoded,
      read,
    }
  }
}

/** The key is checked as the id that it becomes. */
function withKey(event: unknown, key: string | undefined): unknown {
  if (key === undefined || typeof event !== 'object' || event === null) return event
  return { ...event, id: (event as EventInput).id ?? key }
}

function readEvent(
  event: unknown,
  isParsed: boolean,
): Pick<z.ZodSafeParseSuccess<EventInput>, 'success' | 'data'> | z.ZodSafeParseError<EventInput> {
  const data = simpleEvent(event, isParsed)
  if (data !== undefined) return { success: true, data }
  return eventSchema.safeParse(isParsed ? event : withoutDates(event))
}

const NO_FIELDS: EventFields = Object.freeze(Object.create(null) as EventFields)

/** `isAsRead`: without a prototype, as maps of events have none when they are read. */
function fieldsOf(map: EventInput['context'] | null, isAsRead: boolean): EventFields {
  if (!isAsRead) return (map ?? {}) as EventFields
  return map == null ? NO_FIELDS : (Object.setPrototypeOf(map, null) as EventFields)
}

const RESERVED = `types that begin with "${RESERVED_TYPES}" are BinGo's own`

function isRefusedType({ type, name }: EventInput, { isReserved }: PostingOptions): boolean {
  return isReserved !== true && (type ?? name)!.startsWith(RESERVED_TYPES)
}

/** `deliverAt` wins; what is due already is not delayed at all. */
function dueAt({ deliverAt, deliverAfter }: OptionsInput, now: number): number | null {
  const at = deliverAt ?? (deliverAfter === undefined ? now : now + deliverAfter * 1_000)
  return at > now ? at : null
}

function sentFields(input: EventInput, options: OptionsInput, by: Poster): ReadonlySet<keyof EventEnvelope> {
  const sent = new Set<keyof EventEnvelope>()
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined || name === 'payloadType') continue
    sent.add(name === 'name' ? 'type' : (name as keyof EventEnvelope))
  }
  if (options.accountId !== undefined) sent.add('accountId')
  if (options.deliverAt !== undefined || options.deliverAfter !== undefined) sent.add('deliverAt')
  if (by.isTest) sent.add('isTest')
  return sent
}

/** Programs give moments as dates; JSON has none. */
function withoutDates(input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input
  const dates = Object.entries(input).filter(([, value]) => value instanceof Date)
  if (dates.length === 0) return input
  return { ...input, ...Object.fromEntries(dates.map(([name, date]) => [name, (date as Date).getTime()])) }
}

/** The first thing that is wrong at each place. */
function problemsOf({ issues }: z.ZodError, path: readonly PropertyKey[]): PostingProblem[] {
  const found = new Map<string, PostingProblem>()
  for (const issue of issues.slice(0, MOST_PROBLEMS)) {
    const isUnknown = issue.code === 'unrecognized_keys'
    const at = jsonPath([...path, ...issue.path, ...(isUnknown ? issue.keys.slice(0, 1) : [])])
    if (!found.has(at)) found.set(at, { path: at, message: isUnknown ? 'it is not known' : messageOf(issue) })
  }
  return [...found.values()]
}

/** Never what was sent: it may be personal, or long. */
function messageOf(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_union' ? 'a time such as 2026-11-28T10:00:00Z is expected' : issue.message
}
