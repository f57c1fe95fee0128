import { InvalidPosting } from '../../../events/errors.ts'
import type { z } from 'zod'
import { checked, eventsOf, postedBy, type Api } from '../context.ts'
import { ApiError } from '../problem.ts'
import { mediaType } from './body.ts'
import type { Incoming } from './incoming.ts'
import { shownPosted } from '../records.ts'
import { cloudEvent } from '../schemas.ts'

export const STRUCTURED = 'application/cloudevents+json'
export const BATCH = 'application/cloudevents-batch+json'

/** CloudEvents 1.0 in the three forms of its HTTP binding. */
export async function postCloudEvents(api: Api, incoming: Incoming): Promise<unknown> {
  const by = postedBy(api, incoming)
  const { publisher, provider } = eventsOf(api)
  const type = mediaType(incoming)
  const isBatch = type === BATCH
  const { events, bytes } = await read(api, incoming, type)
  const posted = await publisher.publish(
    {
      events: events.map((event, i) => fromCloudEvent(event, isBatch ? [i] : [])),
      // Ids are unique per source there: another event must not vanish behind one with its id.
      options: { onConflict: 'error' },
      isParsed: true,
      maxEventBytes: bytes,
      path: (i) => (isBatch ? [i] : []),
    },
    by,
  )
  const shown = posted.map((each) => shownPosted(each, provider.can))
  return isBatch ? shown : shown[0]
}

async function read(api: Api, request: Incoming, type: string): Promise<{ events: readonly unknown[]; bytes: number }> {
  if (type === STRUCTURED) {
    const { value, bytes } = await api.bodies.json(request, [STRUCTURED])
    return { events: [value], bytes }
  }
  if (type === BATCH) {
    const { value, bytes } = await api.bodies.json(request, [BATCH])
    if (!Array.isArray(value)) throw new InvalidPosting([{ path: '$', message: 'a list of events is expected' }])
    return { events: value as readonly unknown[], bytes }
  }
  if (request.header('ce-specversion') === undefined) {
    throw new ApiError(
      415,
      'BINGO_HTTP_MEDIA_TYPE',
      `the body has to be ${STRUCTURED} or ${BATCH}, or the event in ce- headers`,
      {
        hint: `Send the header Content-Type: ${STRUCTURED}`,
      },
    )
  }
  return binary(api, request, type)
}

/** Attributes in headers, the data as the body (binary content mode). */
async function binary(
  api: Api,
  request: Incoming,
  type: string,
): Promise<{ events: readonly unknown[]; bytes: number }> {
  const event: { [name: string]: unknown } = Object.create(null) as { [name: string]: unknown }
  for (const [name, value] of request.headers()) if (name.startsWith('ce-')) event[name.slice(3)] = decoded(name, value)
  const bytes = await api.bodies.bytes(request)
  if (bytes.length > 0) {
    event['datacontenttype'] = type
    if (type === '' || type === 'application/json' || type.endsWith('+json')) event['data'] = api.bodies.parse(bytes)
    else if (type.startsWith('text/')) event['data'] = Buffer.from(bytes).toString()
    else event['data_base64'] = Buffer.from(bytes).toString('base64')
  }
  return { events: [event], bytes: bytes.length }
}

/** Headers are %-encoded there. */
function decoded(name: string, value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new InvalidPosting([{ path: `$.${name}`, message: 'it is not %-encoded UTF-8' }])
  }
}

/** Other attributes and the form of the data stay with the event as metadata. */
function fromCloudEvent(input: unknown, path: readonly PropertyKey[]): object {
  const event = at(path, input)
  const { specversion: _version, id, source, type, subject, time, data, data_base64: binary_, ...rest } = event
  const { partitionkey, correlationid, causationid, traceparent, ...metadata } = rest
  const key = partitionkey ?? subject
  return {
    id,
    source,
    type,
    payload: data ?? binary_ ?? null,
    metadata: { ...metadata, ...(subject !== undefined && { subject }) },
    ...(time !== undefined && { timestamp: time }),
    ...(key !== undefined && { key }),
    ...(correlationid !== undefined && { correlationId: correlationid }),
    ...(causationid !== undefined && { causationId: causationid }),
    ...(traceparent !== undefined && { traceparent }),
  }
}

function at(path: readonly PropertyKey[], input: unknown): z.output<typeof cloudEvent> {
  try {
    return checked(cloudEvent, input)
  } catch (error) {
    if (!(error instanceof InvalidPosting) || path.length === 0) throw error
    throw new InvalidPosting(
      error.problems.map((each) => ({ ...each, path: each.path.replace('$', `$[${String(path[0])}]`) })),
    )
  }
}
