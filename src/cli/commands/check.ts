import { Command, Option } from 'commander'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'
import type { CheckOptions } from '../check/check-all.ts'

const HELP = `
Reports every problem in one run, each with file, line, column and a fix. Runs no action.
--online also connects to the source (binlog format, row image, grants; columns that the rules use) and
to every target (name, TLS, login; topic, stream, exchange, table or method). It sends nothing, and so
only connects to webhooks; what it did not check is printed. A target that is down is a warning. With
scale.through, it connects to that log and to the state store as well.

Examples:
  $ bingo check
  $ BINGO_RULES=rules/users.yaml bingo check
  $ bingo check --online                  before you deploy
  $ bingo check --schema schema.sql       columns and types, without a server (in CI)
  $ bingo check --strict --json           in CI
  $ bingo check --allow-missing-secrets --sarif > bingo.sarif   in CI without secrets, for code review`

export function checkCommand(exit: (code: number) => void): Command {
  return new Command('check')
    .summary('check configuration and rules')
    .description('Checks configuration and rules; exits 1 if there is a problem.')
    .option(
      '--online',
      'also connect to the source (grants, settings, columns) and to every target (login, topic, stream, exchange, table)',
    )
    .option('--schema <file>', 'take table definitions from a schema dump (mysqldump --no-data --databases …)')
    .option('--json', 'print the result as one JSON object')
    .addOption(new Option('--sarif', 'print the result as SARIF 2.1.0, for code review tools').conflicts('json'))
    .option('--strict', 'exit 1 for warnings too')
    .addOption(
      new Option(
        '--allow-missing-secrets',
        'a missing ${env:…} or ${file:…} is a note, and fields that hold one are not checked',
      ).conflicts('online'),
    )
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (_options: object, command: Command) => {
      const { check } = await import('../check/check-all.ts')
      exit(await check(command.optsWithGlobals<CheckOptions>()))
    })
}
