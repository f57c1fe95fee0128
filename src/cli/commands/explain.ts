import { Command } from 'commander'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'
import type { ExplainOptions } from '../events/explain-events.ts'

const HELP = `
Reads events from a file or stdin (NDJSON): changes as bingo tail prints them, or events as they are posted
({"type": …, "payload": …}). For every rule it prints whether the rule matches, which clause of the pattern and
which part of the filter decides on which values, and what each action would send. It sends nothing. Exits 1 if
no rule matches any event.

Examples:
  $ bingo tail --from earliest --limit 1 | bingo explain
  $ bingo explain --rule user_cache_invalidate events.ndjson
  $ bingo explain --event order.json
  $ echo '{"type":"orders.order.create","payload":{"id":17}}' | bingo explain
  $ echo '{"op":"delete","table":"shop.users","old":{"id":1,"status":0}}' | bingo explain`

export function explainCommand(exit: (code: number) => void): Command {
  return new Command('explain')
    .summary('show why a rule matches an event or not')
    .description('Shows which rules match events, and why.')
    .argument('[file]', 'file with events as NDJSON (default or -: stdin)')
    .option('--rule <id>', 'explain only this rule')
    .option('--event <file>', 'explain the one event in this JSON file, on as many lines as it has')
    .option('--json', 'print the explanations as NDJSON')
    .option('--schema <file>', 'take table definitions from a schema dump (mysqldump --no-data --databases …)')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (file: string | undefined, _options: object, command: Command) => {
      const { explainEvents } = await import('../events/explain-events.ts')
      exit(await explainEvents(file, command.optsWithGlobals<ExplainOptions>()))
    })
}
