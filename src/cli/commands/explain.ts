import { Command } from 'commander'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'

const HELP = `
Takes change events as bingo tail prints them, one JSON object a line, from a file or stdin, and tells
for every rule whether it would act, which part of the filter decides, on what values, and what each
action would send. Nothing is sent. Exits 1 when no rule matches any event.

Examples:
  $ bingo tail --from earliest --limit 1 | bingo explain
  $ bingo explain --rule user_cache_invalidate events.ndjson
  $ echo '{"op":"delete","table":"shop.users","old":{"id":1,"status":0}}' | bingo explain`

export interface ExplainOptions extends GlobalOptions {
  readonly rule?: string
  readonly json?: boolean
  readonly schema?: string
}

export function explainCommand(exit: (code: number) => void): Command {
  return new Command('explain')
    .summary('why a rule does or does not match an event')
    .description('Explains which rules match change events, and why.')
    .argument('[file]', 'events as NDJSON; - or nothing: stdin')
    .option('--rule <id>', 'only this rule')
    .option('--json', 'print the explanations as NDJSON')
    .option('--schema <file>', 'tables from a dump without data (mysqldump --no-data --databases …)')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (file: string | undefined, _options: object, command: Command) => {
      const { explainEvents } = await import('../events/explain-events.ts')
      exit(await explainEvents(file, command.optsWithGlobals<ExplainOptions>()))
    })
}
