import { Command, Option } from 'commander'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'
import { exitDespiteLeftovers } from '../dead-letters/leftovers.ts'
import type { RunOptions } from '../daemon/run-daemon.ts'

const HELP = `
What it does:
  Checks configuration and rules, connects as a replica, resumes at the checkpoint (the first start
  begins at source.start), and runs actions for every committed change that a rule matches.
  Changed rule files are reloaded; if they are invalid, BinGo keeps the previous rules.

Signals:
  SIGTERM, SIGINT  stop reading, deliver what is in flight, save the position, exit 0 within
                   shutdown.deadline (6s); a second one exits at once, and what was not
                   finished is replayed after the next start
  SIGHUP           load rules and targets again, reopen audit logs

Logs: JSON on stdout (readable lines on stderr in a terminal).
Admin: http://127.0.0.1:8686 with /healthz, /readyz, /metrics, /status (http.listen).

Examples:
  $ BINGO_SOURCE_URL=mysql://bingo:secret@db:3306 BINGO_RULES=rules/ bingo run
  $ BINGO_CHECKPOINT_STORE=redis://cache:6379/1 bingo run
  $ BINGO_SOURCE_START=earliest bingo run         first start only: everything still in the binlog

Several machines (scale.through names a Redis, NATS or Kafka; docs/scale.md):
  $ bingo run --role reader                       one: reads the source and appends what rules want
  $ bingo run --role worker                       any number: run the rules on their share and act`

export function runCommand(): Command {
  return new Command('run')
    .summary('run the daemon')
    .description('Runs the daemon: runs actions for every change that a rule matches, until stopped.')
    .addOption(
      new Option(
        '--role <role>',
        'which part of the work this process does (default: scale.role, or all of it)',
      ).choices(['all', 'reader', 'worker']),
    )
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
    .action(async (_options: object, command: Command) => {
      const { runDaemon } = await import('../daemon/run-daemon.ts')
      try {
        await runDaemon(command.optsWithGlobals<RunOptions>())
      } finally {
        exitDespiteLeftovers()
      }
    })
}
