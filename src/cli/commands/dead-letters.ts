import { Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../../model/quantity.ts'
import type { SelectOptions } from '../dead-letters/selection.ts'
import { EXIT_CODES_HELP, ExitCode } from '../output/exit-codes.ts'

const HELP = `
A dead letter is an event that BinGo could not deliver, kept with its attempts. States:
  skip    it failed; later events of its row are delivered
  park    it failed; later events of its row wait behind it
  parked  it waits behind an earlier failure of its row

Examples:
  $ bingo dead-letters list --summary
  $ bingo dead-letters list --rule crm --since 1h
  $ bingo dead-letters show '3e11fa47-…:42/0#crm#f2c58a01b7'
  $ bingo dead-letters retry --rule crm --dry-run
  $ bingo dead-letters retry --rule crm --by 'crm#2'
  $ bingo dead-letters drop --all --until 7d`

const RETRY_HELP = `
Redelivers dead letters with the same event id by the action that failed, and removes those that the target
accepts. If that action was removed or changed, the retry is refused; --by names another action. A filter or
"when" that failed is evaluated again: events that no longer match are removed without being sent.
Events of one row are sent in order. Selecting one event of a parked row selects all of them, including those
that a running daemon parks in the meantime. When none is left, the daemon resumes delivery for that row.`

export function deadLettersCommand(exit: (code: number) => void): Command {
  const letters = new Command('dead-letters')
    .summary('list, show, retry or drop dead letters (undelivered events)')
    .description('Lists, shows, retries or drops dead letters: events that could not be delivered.')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
  letters.addCommand(
    selecting('list', 'Lists dead letters, oldest first, without row values.')
      .option('--limit <n>', 'list at most <n> dead letters', count)
      .option('--summary', 'count dead letters by rule, code and target')
      .option('--json', 'print dead letters as NDJSON, with row values')
      .action(async (ids: readonly string[], _options: object, command: Command) => {
        const { listLetters } = await import('../dead-letters/dead-letters-list.ts')
        await listLetters(ids, command.optsWithGlobals<SelectOptions>())
      }),
  )
  letters.addCommand(
    new Command('show')
      .description('Prints a dead letter with its event and attempts.')
      .argument('<id>', 'id as printed by list')
      .action(async (id: string, _options: object, command: Command) => {
        const { showLetter } = await import('../dead-letters/dead-letters-list.ts')
        await showLetter(id, command.optsWithGlobals<SelectOptions>())
      }),
  )
  letters.addCommand(
    choosing(selecting('retry', 'Redelivers dead letters; exits 1 if any delivery failed.'))
      .option('--by <rule#action>', 'redeliver by this action (number or id) instead of the one that failed')
      .addHelpText('after', RETRY_HELP)
      .action(async (ids: readonly string[], _options: object, command: Command) => {
        const { retryLetters } = await import('../dead-letters/dead-letters-retry.ts')
        exit((await retryLetters(ids, command.optsWithGlobals<SelectOptions>())) ? ExitCode.ok : ExitCode.failed)
      }),
  )
  letters.addCommand(
    choosing(selecting('drop', 'Deletes dead letters permanently.')).action(
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
    .argument('[ids...]', 'ids as printed by list')
    .option('--rule <id>', 'only those of this rule')
    .option('--table <table>', 'only those of this table: users or shop.users')
    .option('--code <code>', 'only those whose last attempt failed with this code')
    .option('--since <time>', 'only those created since: 1h (ago) or 2026-11-20T10:00:00Z', moment)
    .option('--until <time>', 'only those created until (same forms as --since)', moment)
}

/** What changes something wants to be told what. */
function choosing(command: Command): Command {
  return command
    .option('--all', 'select all (that match the other options)')
    .option('--limit <n>', 'select at most the oldest <n>', count)
    .option('--dry-run', 'print what would be done without doing it')
    .hook('preAction', (_this, action) => {
      const { all, rule, table, code, since, until } = action.opts<SelectOptions>()
      const chosen =
        action.args.length > 0 || [all, rule, table, code, since, until].some((option) => option !== undefined)
      if (!chosen) action.error('error: select dead letters by id, --rule, --table, --code, --since, --until, or --all')
    })
}

/** `1h` (ago) or a date, in milliseconds since 1970. */
function moment(text: string): number {
  const ago = parseDuration(text)
  const at = ago === undefined ? Date.parse(text) : Date.now() - ago
  if (Number.isNaN(at))
    throw new InvalidArgumentError('Write a duration such as 1h (ago) or a date such as 2026-11-20T10:00:00Z.')
  return at
}

function count(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('Write a whole number of at least 1.')
  return number
}
