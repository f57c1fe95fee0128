import { Command, InvalidArgumentError } from 'commander'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP, ExitCode } from '../output/exit-codes.ts'

const HELP = `
Starts a real MySQL (or MariaDB) and Redis in temporary folders, runs the daemon with example rules,
changes rows and shows the results. Then it keeps running so you can experiment; Ctrl-C ends it.
Servers on the PATH are used first; otherwise packages are unpacked into ~/.cache/bingo-servers
(Debian and Ubuntu; nothing is installed); otherwise Docker runs them.

Examples:
  $ bingo demo
  $ bingo demo --mariadb
  $ bingo demo --saga       an order across three services, each failing in every way
  $ bingo demo --once       exits 0 if every effect arrived at its target, else 1`

interface DemoCommandOptions extends GlobalOptions {
  readonly once?: boolean
  readonly mariadb?: boolean
  readonly saga?: boolean
  readonly rows: number
}

const DEFAULT_ROWS = 10_000

export function demoCommand(exit: (code: number) => void): Command {
  return new Command('demo')
    .summary('watch BinGo work on real servers (no setup)')
    .description('Starts a real database and Redis and shows BinGo at work.')
    .option('--once', 'exit after the last scene, with the result')
    .option('--mariadb', 'use MariaDB instead of MySQL')
    .option('--saga', 'show a saga: an order across three services, with every failure in turn')
    .option('--rows <n>', 'rows that the bulk UPDATE changes', rows, DEFAULT_ROWS)
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (_options: object, command: Command) => {
      exit(await demo(command.optsWithGlobals<DemoCommandOptions>()))
    })
}

async function demo(options: DemoCommandOptions): Promise<number> {
  const { stopSignals } = await import('../daemon/stop-signals.ts')
  using stop = stopSignals()
  try {
    const ok = await (options.saga === true ? sagas : changes)(options, stop.signal)
    return ok ? ExitCode.ok : ExitCode.failed
  } catch (error) {
    if (stop.signal.aborted) return ExitCode.interrupted
    throw error
  }
}

async function changes(options: DemoCommandOptions, signal: AbortSignal): Promise<boolean> {
  const { createLog } = await import('../../ops/logger.ts')
  const { runDemo } = await import('../../demo/demo.ts')
  const level = options.debug ? 'debug' : 'error'
  const log = await createLog({ level, format: 'json', output: 'stderr', rowValues: false })
  return runDemo({ mariadb: options.mariadb === true, rows: options.rows, once: options.once === true, signal, log })
}

async function sagas({ mariadb, once }: DemoCommandOptions, signal: AbortSignal): Promise<boolean> {
  const { runSagaDemo } = await import('../../demo/saga-demo.ts')
  return runSagaDemo({ mariadb: mariadb === true, once: once === true, signal })
}

function rows(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 10)
    throw new InvalidArgumentError('Write a whole number of at least 10.')
  return number
}
