import { Command } from 'commander'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'

const HELP = `
A test file:
  tests:
    - name: a changed status drops the cache entry
      rule: user_cache_invalidate
      event: {op: update, table: shop.users, old: {id: 1, status: 0}, new: {id: 1, status: 1}}
      expect: match                  # match, "no match", or error
      sends: ["cache:user:1"]        # optional: what each action renders, as bingo explain prints it
    - name: a changed address does not
      rule: user_cache_invalidate
      event: {op: update, table: shop.users, old: {id: 1, status: 0, email: a}, new: {id: 1, status: 0, email: b}}
      expect: no match

Nothing is sent. The key of the table is the column id, or what the event gives as key: [a, b].

Examples:
  $ bingo test
  $ bingo test rules/tests/users.yaml`

export interface TestOptions extends GlobalOptions {
  readonly schema?: string
}

export function testCommand(exit: (code: number) => void): Command {
  return new Command('test')
    .summary('run unit tests of rules')
    .description('Runs unit tests of rules, written in YAML; exits 1 when one fails.')
    .argument('[files...]', 'files, folders, globs (default: rules/tests)')
    .option('--schema <file>', 'tables from a dump without data (mysqldump --no-data --databases …)')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (files: readonly string[], _options: object, command: Command) => {
      const { testRules } = await import('../events/test-rules.ts')
      exit(await testRules(files.length === 0 ? ['rules/tests'] : files, command.optsWithGlobals<TestOptions>()))
    })
}
