import { Command } from 'commander'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP, ExitCode } from '../output/exit-codes.ts'

const HELP = `
Exits 1 when the daemon is not ready, so that scripts can ask.

Examples:
  $ bingo status
  $ bingo status --json | jq .lagMs`

export function statusCommand(exit: (code: number) => void): Command {
  return new Command('status')
    .summary('what the running daemon is doing')
    .description('Shows what the running daemon is doing: readiness, lag, position, rules, targets.')
    .option('--json', 'print it as JSON')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly json?: boolean }>()
      const { showStatus } = await import('../daemon/status-show.ts')
      exit((await showStatus(options)) ? ExitCode.ok : ExitCode.failed)
    })
}
