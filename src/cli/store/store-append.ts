import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { NewEvent } from '../../event-store/contract.ts'
import { fromEnvelope } from '../../event-store/envelope.ts'
import type { DomainEventEnvelope } from '../../event-store/envelope.ts'
import { invalidArgument } from '../../event-store/errors.ts'
import { type StoreOptions, withStore } from './open-store.ts'

/** Options of `bingo store append`. */
export interface AppendCommandOptions extends StoreOptions {
  readonly expect?: number | 'no-stream' | 'stream-exists' | 'any'
}

const FIELDS = ['id', 'type', 'payload', 'source', 'timestamp', 'correlationId', 'causationId', 'userId']
/** What `read --json` prints beside the envelope: where it was. */
const PLACE = ['metadata', 'payload', 'stream', 'version', 'global_position']

/** `bingo store append`. */
export async function appendEvents(
  stream: string,
  file: string | undefined,
  options: AppendCommandOptions,
): Promise<void> {
  const events = await eventsOf(file)
  await withStore(options, true, async (store) => {
    const result = await store.appendToStream(stream, events, { expectedVersion: options.expect })
    const { nextExpectedVersion, globalPosition, duplicate } = result
    const text = options.json
      ? JSON.stringify({ stream, version: nextExpectedVersion, global_position: String(globalPosition), duplicate })
      : `${duplicate ? 'already stored' : `appended ${events.length}`}: ${stream} has version ${nextExpectedVersion}, position ${globalPosition}`
    process.stdout.write(`${text}\n`)
  })
}

async function eventsOf(file: string | undefined): Promise<NewEvent[]> {
  const input = file === undefined || file === '-' ? process.stdin : createReadStream(file)
  const events: NewEvent[] = []
  let number = 0
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      number += 1
      if (line.trim() !== '') events.push(eventOf(line, `${file ?? 'stdin'}:${number}`))
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw invalidArgument(`${file} does not exist`)
    throw error
  }
  return events
}

function eventOf(line: string, place: string): NewEvent {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw invalidArgument(`${place}: not JSON: ${(error as Error).message}`, 'Write one event per line.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument(`${place}: an event must be an object`, 'Write {"type": "order.placed", "payload": {}}.')
  }
  const isEnvelope = 'metadata' in value
  const unknown = Object.keys(value).find((name) => !(isEnvelope ? PLACE : FIELDS).includes(name))
  if (unknown !== undefined) {
    throw invalidArgument(`${place}: "${unknown}" is not a field of an event`, `Fields are ${FIELDS.join(', ')}.`)
  }
  return isEnvelope ? fromEnvelope(value as DomainEventEnvelope) : (value as NewEvent)
}
