import { Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../../model/quantity.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'
import type { PublishOptions } from '../posted/publish.ts'
import type { ListOptions } from '../posted/show.ts'
import type { TailOptions } from '../posted/tail.ts'
import type { ApiOptions } from '../posted/ask-api.ts'

const HELP = `
Events are posted to the running daemon over its HTTP API (http.listen, http.token), which has \`events:\` in its
configuration.

Examples:
  $ bingo events publish orders.order.create --key order-17 --payload '{"total": 99}'
  $ bingo events publish reminder.due --deliver-after 10m --payload '{"user": 7}'
  $ bingo events publish --file events.ndjson
  $ bingo events list --status failed --since 1h
  $ bingo events tail --on 'orders.**' | jq .payload`

export function eventsCommand(): Command {
  const events = new Command('events')
    .summary('publish, list, show, cancel, replay or follow posted events')
    .description('Publishes posted events to the running daemon, shows what became of them, and follows them.')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
  for (const command of [publish(), list(), show(), cancel(), replay(), tail()]) events.addCommand(command)
  return events
}

function publish(): Command {
  return api('publish', 'Posts an event, or all events of a file; ends when they are stored.')
    .argument('[type]', 'dotted, such as orders.order.create')
    .option('--payload <json>', 'payload of the event')
    .option('--payload-context <json>', 'context of the event')
    .option('--key <key>', 'what order is kept for')
    .option('--id <id>', 'id of the event; posting it again stores nothing')
    .option('--source <source>', 'who it comes from (default: api)')
    .option('--test', 'the event is a test')
    .option('--deliver-at <time>', 'not before this moment: 2026-11-28T10:00:00Z')
    .option('--deliver-after <duration>', 'not before: 30s, 10m, 1d', duration)
    .option('--file <file>', 'post each line of an NDJSON file; - for stdin')
    .action(async (type: string | undefined, _options: object, command: Command) => {
      const { publishEvents } = await import('../posted/publish.ts')
      await publishEvents(type, command.optsWithGlobals<PublishOptions>())
    })
}

function list(): Command {
  return api('list', 'Lists events, newest first.')
    .option('--status <status>', 'pending, processing, completed, failed or cancelled')
    .option('--type <pattern>', 'types: * is one part, ** at the end any number')
    .option('--source <source>', 'only those from this source')
    .option('--key <key>', 'only those of this key')
    .option('--user <id>', 'only those of this user')
    .option('--account <id>', 'only those of this account')
    .option('--since <time>', 'only those created since: 1h (ago) or 2026-11-20T10:00:00Z', moment)
    .option('--until <time>', 'only those created before (same forms as --since)', moment)
    .option('--limit <n>', 'list at most <n> events (default: 50)', count)
    .action(async (_options: object, command: Command) => {
      const { listPosted } = await import('../posted/show.ts')
      await listPosted(command.optsWithGlobals<ListOptions>())
    })
}

function show(): Command {
  return one('show', 'Prints an event with what each rule did.', async (id, options) => {
    const { showPosted } = await import('../posted/show.ts')
    await showPosted(id, options)
  })
}

function cancel(): Command {
  return one('cancel', 'Cancels an event that is not due yet.', async (id, options) => {
    const { changePosted } = await import('../posted/show.ts')
    await changePosted(id, 'cancel', options)
  })
}

function replay(): Command {
  return one('replay', 'Runs the rules for an event again, under the same id.', async (id, options) => {
    const { changePosted } = await import('../posted/show.ts')
    await changePosted(id, 'replay', options)
  }).option('--if-no-effect', 'refuse where an action was delivered already')
}

function tail(): Command {
  return api('tail', 'Prints events as they come, as NDJSON, until interrupted.')
    .option('--on <pattern...>', 'only types that match one of these patterns')
    .option('--limit <n>', 'stop after <n> events', count)
    .action(async (_options: object, command: Command) => {
      const { tailPosted } = await import('../posted/tail.ts')
      await tailPosted(command.optsWithGlobals<TailOptions>())
    })
}

function api(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--environment <name>', 'environment (default: that of the token)')
    .option('--json', 'print it as JSON')
}

function one(name: string, description: string, run: (id: string, options: ApiOptions) => Promise<void>): Command {
  return api(name, description)
    .argument('<id>', 'id of the event')
    .action((id: string, _options: object, command: Command) => run(id, command.optsWithGlobals<ApiOptions>()))
}

function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError('Write a duration such as 30s, 10m or 1d.')
  return ms
}

/** `1h` (ago) or a date, in milliseconds since 1970. */
function moment(text: string): number {
  const ago = parseDuration(text)
  const at = ago === undefined ? Date.parse(text) : Date.now() - ago
  if (!Number.isNaN(at)) return at
  throw new InvalidArgumentError('Write a duration such as 1h (ago) or a date such as 2026-11-20T10:00:00Z.')
}

function count(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('Write a whole number of at least 1.')
  return number
}
