import { Command, InvalidArgumentError } from 'commander'
import type { DeadLetterFilter } from '../../model/dead-letter.ts'
import { parseDuration } from '../../model/quantity.ts'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP, ExitCode } from '../output/exit-codes.ts'

const HELP = `
An event that could not be delivered is kept here with its attempts. States: skip (it alone), park (it
failed, and later events of its row wait behind it), parked (waits behind one).

Examples:
  $ bingo dead-letters list --summary
  $ bingo dead-letters list --rule crm --since 1h
  $ bingo dead-letters show '3e11fa47-…:42/0#crm#f2c58a01b7'
  $ bingo dead-letters retry --rule crm --dry-run
  $ bingo dead-letters retry --rule crm --by 'crm#2'
  $ bingo dead-letters drop --all --until 7d`

const RETRY_HELP = `
Sends events again, with the same event id, by their own action of the rule, and removes those that the
target took. An entry whose action is gone or sends something else by now is refused, unless --by names
the action to use. A filter or "when" that failed is evaluated again: what does not match any more is removed unsent.
Events of one row are sent in their order; choosing one of a parked row chooses all of them, and what a
running daemon parks behind them meanwhile. When a row is empty, the daemon goes on with it.`

export interface SelectOptions extends GlobalOptions {
  readonly rule?: string
  readonly table?: string
  readonly code?: string
  readonly summary?: boolean
  readonly since?: number
  readonly until?: number
  readonly limit?: number
  readonly all?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
  /** RULE#ACTION */
  readonly by?: string
}

export function deadLettersCommand(exit: (code: number) => void): Command {
  const letters = new Command('dead-letters')
    .summary('list, show, retry or drop events that could not be delivered')
    .description('Lists, shows, retries or drops events that could not be delivered.')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
  letters.addCommand(
    selecting('list', 'Lists them, oldest first; row values are not shown.')
      .option('--limit <n>', 'at most <n> entries', count)
      .option('--summary', 'count them by rule, code and target instead')
      .option('--json', 'print whole entries as NDJSON, with row values')
      .action(async (ids: readonly string[], _options: object, command: Command) => {
        const { listLetters } = await import('../dead-letters/dead-letters-list.ts')
        await listLetters(ids, command.optsWithGlobals<SelectOptions>())
      }),
  )
  letters.addCommand(
    new Command('show')
      .description('Prints one with its event and attempts.')
      .argument('<id>', 'as list prints it')
      .action(async (id: string, _options: object, command: Command) => {
        const { showLetter } = await import('../dead-letters/dead-letters-list.ts')
        exit((await showLetter(id, command.optsWithGlobals<SelectOptions>())) ? ExitCode.ok : ExitCode.failed)
      }),
  )
  letters.addCommand(
    choosing(selecting('retry', 'Redelivers dead letters; exits 1 if any delivery failed.'))
      .option('--by <rule#action>', 'by this action (its number or id) instead of their own, which was changed')
      .addHelpText('after', RETRY_HELP)
      .action(async (ids: readonly string[], _options: object, command: Command) => {
        const { retryLetters } = await import('../dead-letters/dead-letters-retry.ts')
        exit((await retryLetters(ids, command.optsWithGlobals<SelectOptions>())) ? ExitCode.ok : ExitCode.failed)
      }),
  )
  letters.addCommand(
    choosing(selecting('drop', 'Removes them for good.')).action(
      async (ids: readonly string[], _options: object, command: Command) => {
        const { dropLetters } = await import('../dead-letters/dead-letters-list.ts')
        await dropLetters(ids, command.optsWithGlobals<SelectOptions>())
      },
    ),
  )
  return letters
}

function selecting(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('[ids...]', 'as list prints them')
    .option('--rule <id>', 'of this rule')
    .option('--table <table>', 'of this table: users or shop.users')
    .option('--code <code>', 'of which the last attempt failed with this code')
    .option('--since <time>', 'not older than: 1h, or 2026-11-20T10:00:00Z', moment)
    .option('--until <time>', 'not newer than', moment)
}

/** What changes something wants to be told what. */
function choosing(command: Command): Command {
  return command
    .option('--all', 'all that the other options leave')
    .option('--limit <n>', 'at most the oldest <n> of them', count)
    .option('--dry-run', 'only say what would be done')
    .hook('preAction', (_this, action) => {
      const { all, rule, table, code, since, until } = action.opts<SelectOptions>()
      const chosen =
        action.args.length > 0 || [all, rule, table, code, since, until].some((option) => option !== undefined)
      if (!chosen) action.error('error: choose entries by id, --rule, --table, --code, --since, --until, or --all')
    })
}

export function filterOf(ids: readonly string[], options: SelectOptions): DeadLetterFilter {
  const { rule, table, code, since, until, limit } = options
  return {
    ...(ids.length > 0 && { ids }),
    ...(rule !== undefined && { rule }),
    ...(table !== undefined && { table }),
    ...(code !== undefined && { code }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(limit !== undefined && { limit }),
  }
}

/** `1h` (ago) or a date, in milliseconds since 1970. */
function moment(text: string): number {
  const ago = parseDuration(text)
  const at = ago === undefined ? Date.parse(text) : Date.now() - ago
  if (Number.isNaN(at))
    throw new InvalidArgumentError('a duration such as 1h (ago), or a date such as 2026-11-20T10:00:00Z')
  return at
}

function count(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('a whole number from 1')
  return number
}
