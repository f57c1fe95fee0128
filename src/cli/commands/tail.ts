import { Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../../model/quantity.ts'
import { splitTablePatterns } from '../../rules/table-pattern.ts'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'

const HELP = `
Prints one JSON object per row change on stdout and nothing else there; logs go to stderr. No action is
run and no checkpoint is read or written, so it may run beside the daemon. Rows appear when their
transaction is committed.

With --file it reads binlog files without a server. Files written with binlog_row_metadata=FULL name
their columns; for others give the tables with --schema (a dump, as mysqldump --no-data prints it).

Examples:
  $ bingo tail                                         what happens from now on
  $ bingo tail --from earliest --until-idle 2s | jq -c .new
  $ bingo tail --tables 'shop.orders,shop.order_*' --limit 10
  $ bingo tail --from binlog.000003:157
  $ bingo tail --file /var/lib/mysql/binlog.000003     a file, a folder or a glob
  $ bingo tail --format cloudevents`

export interface TailOptions extends GlobalOptions {
  readonly from?: string
  readonly tables: readonly string[]
  readonly limit?: number
  readonly untilIdle?: number
  readonly format: 'json' | 'cloudevents'
  readonly ddl?: boolean
  readonly file?: readonly string[]
  readonly schema?: string
}

export function tailCommand(): Command {
  return new Command('tail')
    .summary('print change events as they happen, without acting')
    .description('Prints change events, one JSON object a line, without running any action.')
    .option('--from <place>', 'earliest, latest, FILE:POS or a GTID set (default: latest)')
    .option(
      '--tables <patterns>',
      'only these tables, as in rules: users, shop.*, separated by commas',
      splitTablePatterns,
      [],
    )
    .option('--limit <n>', 'stop after so many events', count)
    .option('--until-idle <time>', 'stop when nothing has happened for so long, such as 2s', duration)
    .addOption(new Option('--format <format>', 'json or cloudevents').choices(['json', 'cloudevents']).default('json'))
    .option('--ddl', 'print TRUNCATE and DDL statements as events too')
    .addOption(
      new Option('--file <paths...>', 'read binlog files (paths, folders, globs) instead of a server').conflicts(
        'from',
      ),
    )
    .option('--schema <dump.sql>', 'CREATE TABLE statements for files that do not name their columns')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals<TailOptions>()
      if (options.file === undefined) {
        const { tailServer } = await import('../events/tail-server.ts')
        await tailServer(options)
      } else {
        const { tailFiles } = await import('../events/tail-files.ts')
        await tailFiles(options, options.file)
      }
    })
}

function count(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('a whole number from 1')
  return number
}

function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1) throw new InvalidArgumentError('a duration such as 500ms, 2s or 1m')
  return ms
}
