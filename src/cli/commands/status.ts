import { Command } from 'commander'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP, ExitCode } from '../output/exit-codes.ts'

const HELP = `
Exits 1 if the daemon is not ready.

Examples:
  $ bingo status
  $ bingo status --json | jq .lagMs`

export function statusCommand(exit: (code: number) => void): Command {
  return new Command('status')
    .summary('show the state of the running daemon')
    .description('Shows the state of the running daemon: readiness, lag, position, rules, targets.')
    .option('--json', 'print it as JSON')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly json?: boolean }>()
      const { showStatus } = await import('../daemon/status-show.ts')
      exit((await showStatus(options)) ? ExitCode.ok : ExitCode.failed)
    })
}
