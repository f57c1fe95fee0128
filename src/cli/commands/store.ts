import { Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../../model/quantity.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'
import type { ReadOptions, SnapshotOptions, StreamsOptions } from '../store/store-read.ts'
import type { AppendCommandOptions } from '../store/store-append.ts'

const HELP = `
The store is an address as for createEventStore (docs/event-store.md), from --store, BINGO_EVENT_STORE
or eventStore.url of the configuration:
  file:/var/lib/app/events.db   mysql://user:password@host/database   postgres://user:password@host/database

Examples:
  $ export BINGO_EVENT_STORE=file:/var/lib/app/events.db
  $ bingo store streams --prefix order-
  $ bingo store read order-17
  $ bingo store read --types order.placed,order.paid --since 1h --json | jq .payload
  $ bingo store read --from 0 --follow
  $ echo '{"type":"order.noted","payload":{"text":"called"}}' | bingo store append order-17 --expect 3
  $ bingo store snapshot order-17 --schema-version 1`

const APPEND_HELP = `
Each line is an event: {"type": …, "payload": …} with id, source, timestamp, correlationId, causationId, userId where wanted,
or an envelope {"metadata": {"event_id": …, "event_type": …}, "payload": …} as "read --json" prints it.
All of them are appended, or none. Exits 1 when the stream does not have the version that --expect names.`

export function storeCommand(): Command {
  const store = new Command('store')
    .summary('list streams of an event store, read and append events, show snapshots')
    .description('Lists streams of an event store, reads and appends events, shows snapshots.')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
  for (const command of [streams(), read(), append(), snapshot()]) {
    store.addCommand(
      command.option('--store <url>', 'the event store (default: BINGO_EVENT_STORE, then eventStore.url)'),
    )
  }
  return store
}

function streams(): Command {
  return new Command('streams')
    .description('Lists streams by name, with their version and the times of their first and last event.')
    .option('--prefix <text>', 'only streams whose name begins so')
    .option('--limit <n>', 'list at most <n> streams', atLeast(1))
    .option('--json', 'print them as NDJSON')
    .addHelpText('after', EXIT_CODES_HELP)
    .action(async (_options: object, command: Command) => {
      const { listStreams } = await import('../store/store-read.ts')
      await listStreams(command.optsWithGlobals<StreamsOptions>())
    })
}

function read(): Command {
  return new Command('read')
    .description('Prints the events of a stream by version, or those of all streams by their global position.')
    .argument('[stream]', 'name of a stream (default: all streams)')
    .option('--from <place>', 'a stream: first version; all streams: behind this global position')
    .option('--to <version>', 'a stream: last version', atLeast(0))
    .option('--limit <n>', 'print at most <n> events', atLeast(1))
    .option('--backwards', 'a stream: newest first')
    .option('--types <types>', 'all streams: only these types, separated by commas')
    .option('--pattern <pattern>', 'all streams: only types that match, such as orders.*.placed')
    .option('--since <time>', 'all streams: 1h (ago) or 2026-11-20T10:00:00Z', moment)
    .option('--until <time>', 'all streams: before then (same forms as --since)', moment)
    .option('--follow', 'all streams: then print what is appended, until interrupted')
    .option('--json', 'print them as NDJSON: an envelope with stream, version and global_position')
    .addHelpText('after', EXIT_CODES_HELP)
    .action(async (stream: string | undefined, _options: object, command: Command) => {
      const options = command.optsWithGlobals<ReadOptions>()
      refuseTogether(command, stream, options)
      const { readEvents } = await import('../store/store-read.ts')
      await readEvents(stream, options)
    })
}

/** Options that one of the two ways to read does not have. */
function refuseTogether(command: Command, stream: string | undefined, options: ReadOptions): void {
  const all = ['types', 'pattern', 'since', 'until', 'follow'] as const
  const one = ['to', 'backwards'] as const
  const wrong = (stream === undefined ? one : all).find((name) => options[name] !== undefined)
  if (wrong !== undefined) {
    command.error(`error: --${wrong} goes ${stream === undefined ? 'with' : 'without'} the name of a stream`)
  }
  for (const name of ['since', 'until'] as const) {
    if (options.follow && options[name] !== undefined) command.error(`error: --${name} does not go with --follow`)
  }
}

function append(): Command {
  return new Command('append')
    .description('Appends events to a stream: NDJSON from a file or stdin.')
    .argument('<stream>', 'name of the stream')
    .argument('[file]', 'file with events as NDJSON (default or -: stdin)')
    .option('--expect <version>', 'n (0: no events yet), no-stream, stream-exists or any (default)', expected)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `${APPEND_HELP}\n${EXIT_CODES_HELP}`)
    .action(async (stream: string, file: string | undefined, _options: object, command: Command) => {
      const { appendEvents } = await import('../store/store-append.ts')
      await appendEvents(stream, file, command.optsWithGlobals<AppendCommandOptions>())
    })
}

function snapshot(): Command {
  return new Command('snapshot')
    .description('Prints the newest snapshot of a stream; exits 1 if there is none.')
    .argument('<stream>', 'name of the stream')
    .requiredOption('--schema-version <n>', 'of the state in it', atLeast(0))
    .option('--at <version>', 'the newest one that is not newer than this version', atLeast(0))
    .option('--json', 'print it as JSON')
    .addHelpText('after', EXIT_CODES_HELP)
    .action(async (stream: string, _options: object, command: Command) => {
      const { showSnapshot } = await import('../store/store-read.ts')
      await showSnapshot(stream, command.optsWithGlobals<SnapshotOptions>())
    })
}

function atLeast(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= least) return number
    throw new InvalidArgumentError(`Write a whole number of at least ${least}.`)
  }
}

function expected(text: string): number | string {
  if (['no-stream', 'stream-exists', 'any'].includes(text)) return text
  return atLeast(0)(text)
}

/** `1h` (ago) or a date. */
function moment(text: string): Date {
  const ago = parseDuration(text)
  const at = new Date(ago === undefined ? text : Date.now() - ago)
  if (Number.isNaN(at.getTime())) {
    throw new InvalidArgumentError('Write a duration such as 1h (ago) or a date such as 2026-11-20T10:00:00Z.')
  }
  return at
}
