import type { EventStore, RecordedEvent, StreamSummary } from '../../event-store/contract.ts'
import { toEnvelope } from '../../event-store/envelope.ts'
import { BingoError } from '../../model/errors.ts'
import { stopSignals } from '../daemon/stop-signals.ts'
import { LineOutput } from '../output/line-output.ts'
import { table } from '../output/table.ts'
import { type StoreOptions, withStore } from './open-store.ts'

/** Options of `bingo store streams`. */
export interface StreamsOptions extends StoreOptions {
  readonly prefix?: string
  readonly limit?: number
}

/** Options of `bingo store read`. */
export interface ReadOptions extends StoreOptions {
  readonly from?: string
  readonly to?: number
  readonly limit?: number
  readonly backwards?: boolean
  readonly types?: string
  readonly pattern?: string
  readonly since?: Date
  readonly until?: Date
  readonly follow?: boolean
}

/** Options of `bingo store snapshot`. */
export interface SnapshotOptions extends StoreOptions {
  readonly schemaVersion: number
  readonly at?: number
}

/** Lines printed at once: there may be more of them than fit into memory. */
const PAGE = 200
const STREAMS_HEAD = ['STREAM', 'VERSION', 'FIRST', 'LAST']
const EVENTS_HEAD = ['POSITION', 'STREAM', 'VERSION', 'TIME', 'TYPE', 'PAYLOAD']

/** `bingo store streams`. */
export async function listStreams(options: StreamsOptions): Promise<void> {
  await withStore(options, false, async (store) => {
    const streams = store.listStreams({ prefix: options.prefix, max: options.limit })
    const row = ({ stream, version, first, last }: StreamSummary) => [stream, version, first, last]
    await print(streams, options.json ? JSON.stringify : null, STREAMS_HEAD, row)
  })
}

/** `bingo store read`. */
export async function readEvents(stream: string | undefined, options: ReadOptions): Promise<void> {
  await withStore(options, false, async (store) => {
    using stop = stopSignals()
    const events = stream === undefined ? allEvents(store, options, stop.signal) : ofStream(store, stream, options)
    const line = options.json ? (event: RecordedEvent) => JSON.stringify(printable(event)) : null
    const row = (event: RecordedEvent) => [
      String(event.globalPosition),
      event.stream,
      event.version,
      event.timestamp,
      event.type,
      JSON.stringify(event.payload),
    ]
    // What is followed is printed as it comes.
    await print(events, line, EVENTS_HEAD, row, options.follow ? 1 : PAGE)
  })
}

/** `bingo store snapshot`. */
export async function showSnapshot(stream: string, options: SnapshotOptions): Promise<void> {
  const { schemaVersion, at } = options
  await withStore(options, false, async (store) => {
    const snapshot = await store.readSnapshot(stream, { schemaVersion, maxVersion: at })
    if (snapshot === null) {
      const limit = at === undefined ? '' : ` up to version ${at}`
      throw new BingoError(
        'BINGO_STORE_SNAPSHOT_MISSING',
        `Stream "${stream}" has no snapshot of schema version ${schemaVersion}${limit}`,
      )
    }
    process.stdout.write(`${options.json ? JSON.stringify(snapshot) : JSON.stringify(snapshot, null, 2)}\n`)
  })
}

async function* ofStream(store: EventStore, stream: string, options: ReadOptions): AsyncIterable<RecordedEvent> {
  const { from, to, limit, backwards } = options
  if (!(await store.streamExists(stream))) {
    throw new BingoError('BINGO_STORE_STREAM_MISSING', `Stream "${stream}" does not exist`, {
      hint: '`bingo store streams` lists the streams.',
    })
  }
  yield* store.readStream(stream, { from: from === undefined ? undefined : Number(from), to, max: limit, backwards })
}

async function* allEvents(store: EventStore, options: ReadOptions, signal: AbortSignal): AsyncIterable<RecordedEvent> {
  const { from, limit, pattern, since, until } = options
  const wanted = { from, pattern, types: options.types?.split(',') }
  if (!options.follow) {
    yield* store.readAll({ ...wanted, max: limit, since, until })
    return
  }
  let left = limit ?? Infinity
  for await (const event of store.subscribe({ ...wanted, signal })) {
    yield event
    left -= 1
    if (left === 0) return
  }
}

function printable(event: RecordedEvent): object {
  const { stream, version, globalPosition } = event
  // A position may not fit into the numbers of JSON's readers.
  return { stream, version, global_position: String(globalPosition), ...toEnvelope(event) }
}

/** At the pace of the reader, until it goes away (`| head`). `line`: NDJSON instead of a table. */
async function print<T>(
  items: AsyncIterable<T>,
  line: ((item: T) => string) | null,
  head: readonly string[],
  row: (item: T) => readonly (string | number)[],
  pageSize = PAGE,
): Promise<void> {
  let isRead = true
  const output = new LineOutput(process.stdout, () => (isRead = false))
  const widths: number[] = []
  let page: T[] = []
  let first = true
  const flush = async (): Promise<void> => {
    const lines = line === null ? table([...(first ? [head] : []), ...page.map(row)], widths) : page.map(line)
    first = false
    page = []
    if (lines.length > 0) await output.write(lines)
  }
  for await (const item of items) {
    page.push(item)
    if (page.length >= pageSize) await flush()
    if (!isRead) return
  }
  if (page.length > 0) await flush()
  await output.flush()
}
