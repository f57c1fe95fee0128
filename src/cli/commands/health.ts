import { Command } from 'commander'
import type { Health } from '../../ops/health.ts'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP, ExitCode } from '../output/exit-codes.ts'

const HELP = `
For container health checks without curl: queries the daemon's admin server.

Examples:
  $ bingo health            is the daemon alive?
  $ bingo health --ready    is it ready? prints the reasons if not`

export function healthCommand(exit: (code: number) => void): Command {
  return new Command('health')
    .summary('health check: is the daemon alive (or ready)?')
    .description('Checks whether the running daemon is alive; exits 0, 1, or 4 if no daemon answers.')
    .option('--ready', 'check readiness: changes flow from the source to every target')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly ready?: boolean }>()
      const { askDaemon } = await import('../daemon/ask-daemon.ts')
      const { configFor } = await import('../context.ts')
      const { status, body } = await askDaemon(configFor(options, 'health'), options.ready ? '/readyz' : '/healthz')
      for (const { code, message } of (body as Partial<Health>).reasons ?? [])
        process.stdout.write(`${code} ${message}\n`)
      if (status === 200) process.stdout.write(options.ready ? 'ready\n' : 'alive\n')
      exit(status === 200 ? ExitCode.ok : ExitCode.failed)
    })
}
