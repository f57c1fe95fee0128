import { Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../../model/quantity.ts'
import { splitTablePatterns } from '../../rules/table-pattern.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'
import type { TailOptions } from '../events/tail-options.ts'

const HELP = `
Prints one JSON object per row change on stdout; logs go to stderr. It runs no action and neither reads
nor writes a checkpoint, so it can run next to the daemon. Rows appear when their transaction commits.
Rows of an outbox are printed as the events that rules see. From a broker it prints what the records say, as
rules see it; it joins no group and acknowledges nothing.

--file reads binlog files without a server. Files written with binlog_row_metadata=FULL contain column
names; for others, pass the table definitions with --schema (mysqldump --no-data).

Examples:
  $ bingo tail                                         changes from now on
  $ bingo tail --from earliest --until-idle 2s | jq -c .new
  $ bingo tail --tables 'shop.orders,shop.order_*' --limit 10
  $ bingo tail --from binlog.000003:157
  $ bingo tail --source orders --from 2026-11-28T10:00:00Z   a broker
  $ bingo tail --file /var/lib/mysql/binlog.000003     a file, a folder or a glob
  $ bingo tail --format cloudevents
  $ bingo tail --events                                events that are posted from now on`

export function tailCommand(): Command {
  return new Command('tail')
    .summary('print change events live, without running actions')
    .description('Prints change events as NDJSON without running actions.')
    .option('--source <name>', 'one of several sources, servers and brokers (default: the first server)')
    .option(
      '--from <position>',
      'start at earliest, latest, FILE:POS or a GTID set; in a broker earliest, latest or a time (default: latest)',
    )
    .addOption(
      new Option('--tables <patterns>', 'only these tables: patterns as in rules, comma-separated (users,shop.*)')
        .argParser(splitTablePatterns)
        .default([], 'all tables'),
    )
    .option('--limit <n>', 'stop after <n> events', count)
    .option('--until-idle <time>', 'exit after <time> without events, such as 2s', duration)
    .addOption(
      new Option('--format <format>', 'output format: json or cloudevents')
        .choices(['json', 'cloudevents'])
        .default('json'),
    )
    .option('--ddl', 'also print TRUNCATE and DDL statements as events')
    .addOption(
      new Option('--file <paths...>', 'read binlog files (paths, folders, globs) instead of a server').conflicts([
        'from',
        'source',
      ]),
    )
    .option('--schema <dump.sql>', 'table definitions for binlog files without column names')
    .addOption(
      new Option('--events', 'print the events that are posted to the daemon, as "bingo events tail" does').conflicts([
        'from',
        'source',
        'tables',
        'untilIdle',
        'format',
        'ddl',
        'file',
        'schema',
      ]),
    )
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals<TailOptions>()
      if (options.events === true) {
        const { tailPosted } = await import('../posted/tail.ts')
        await tailPosted(options)
      } else if (options.file === undefined) {
        const { tailSource } = await import('../events/tail-source.ts')
        await tailSource(options)
      } else {
        const { tailFiles } = await import('../events/tail-files.ts')
        await tailFiles(options, options.file)
      }
    })
}

function count(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('Write a whole number of at least 1.')
  return number
}

function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1) throw new InvalidArgumentError('Write a duration such as 500ms, 2s or 1m.')
  return ms
}
