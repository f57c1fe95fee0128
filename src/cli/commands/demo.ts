import { Command, InvalidArgumentError } from 'commander'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP, ExitCode } from '../output/exit-codes.ts'

const HELP = `
Starts a real MySQL (or MariaDB) and a real Redis with temporary folders, runs the daemon with example
rules, makes changes, and shows what comes of them. Servers are found on the path; else they are
unpacked into ~/.cache/bingo-servers (Debian, Ubuntu; nothing is installed), else run with Docker. Then
it stays up for you to try things, until Ctrl-C.

Examples:
  $ bingo demo
  $ bingo demo --mariadb
  $ bingo demo --once       ends by itself: 0 when every effect was verified at its target, else 1`

interface DemoCommandOptions extends GlobalOptions {
  readonly once?: boolean
  readonly mariadb?: boolean
  readonly rows: number
}

const DEFAULT_ROWS = 10_000

export function demoCommand(exit: (code: number) => void): Command {
  return new Command('demo')
    .summary('see it work on real servers; needs nothing')
    .description('Shows BinGo at work on a real database and a real Redis, started for it.')
    .option('--once', 'end after the story, and verify it')
    .option('--mariadb', 'with MariaDB instead of MySQL')
    .option('--rows <n>', 'rows of the big UPDATE', rows, DEFAULT_ROWS)
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (_options: object, command: Command) => {
      exit(await demo(command.optsWithGlobals<DemoCommandOptions>()))
    })
}

async function demo(options: DemoCommandOptions): Promise<number> {
  const { createLog } = await import('../../ops/logger.ts')
  const { runDemo } = await import('../../demo/demo.ts')
  const { stopSignals } = await import('../daemon/stop-signals.ts')
  const level = options.debug ? 'debug' : 'error'
  const log = await createLog({ level, format: 'json', output: 'stderr', rowValues: false })
  using stop = stopSignals()
  try {
    const ok = await runDemo({
      mariadb: options.mariadb === true,
      rows: options.rows,
      once: options.once === true,
      signal: stop.signal,
      log,
    })
    return ok ? ExitCode.ok : ExitCode.failed
  } catch (error) {
    if (stop.signal.aborted) return ExitCode.interrupted
    throw error
  }
}

function rows(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 10) throw new InvalidArgumentError('a whole number from 10')
  return number
}
