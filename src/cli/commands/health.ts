import { Command } from 'commander'
import type { Health } from '../../ops/health.ts'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP, ExitCode } from '../output/exit-codes.ts'

const HELP = `
For health checks of containers, which have no curl: asks the daemon's own admin server.

Examples:
  $ bingo health            is the process alive?
  $ bingo health --ready    do changes flow? prints why not`

export function healthCommand(exit: (code: number) => void): Command {
  return new Command('health')
    .summary('is the daemon alive (or ready)? for health checks')
    .description('Asks the running daemon whether it is alive; exits 0 or 1, or 4 when nothing answers.')
    .option('--ready', 'ask whether changes flow from the source to every target')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly ready?: boolean }>()
      const { askDaemon } = await import('../daemon/ask-daemon.ts')
      const { configFor } = await import('../context.ts')
      const { status, body } = await askDaemon(
        configFor(options, false, ['http']),
        options.ready ? '/readyz' : '/healthz',
      )
      for (const { code, message } of (body as Partial<Health>).reasons ?? [])
        process.stdout.write(`${code} ${message}\n`)
      if (status === 200) process.stdout.write(options.ready ? 'ready\n' : 'alive\n')
      exit(status === 200 ? ExitCode.ok : ExitCode.failed)
    })
}
