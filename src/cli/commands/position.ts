import { Command, Option } from 'commander'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'

const HELP = `
Examples:
  $ bingo position show
  $ bingo position show --json | jq -r .position.gtidSet`

const SET_HELP = `
Places:
  latest            the server's present end; what happened before is not acted on
  earliest          the oldest event that the server still has; all of it is acted on (again)
  FILE:POS          binlog.000003:157, a boundary between transactions
  GTID set          3e11fa47-71ca-11e1-9e33-c80aa9429562:1-42; MariaDB 0-1-42

The place is checked against the server before it is written. Stop the daemon first: while it holds a
file checkpoint this is refused; one that uses Redis would be fenced off and stop, so this is refused
too while its admin server answers, unless --force.

Examples:
  $ bingo position set latest
  $ bingo position set binlog.000003:157`

export interface PositionOptions extends GlobalOptions {
  readonly json?: boolean
  readonly force?: boolean
}

export function positionCommand(): Command {
  const position = new Command('position')
    .summary('show or set where the daemon goes on')
    .description('Shows or sets the checkpoint: where the daemon goes on after its next start.')
  position.addCommand(
    new Command('show')
      .description('Prints the checkpoint. Works beside a running daemon.')
      .addOption(new Option('--json', 'print it as JSON'))
      .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
      .action(async (_options: object, command: Command) => {
        const { showPosition } = await import('../position/position-show.ts')
        await showPosition(command.optsWithGlobals<PositionOptions>())
      }),
  )
  position.addCommand(
    new Command('set')
      .description('Writes a checkpoint: the daemon goes on there after its next start.')
      .argument('<place>', 'latest, earliest, FILE:POS or a GTID set')
      .option('--force', 'even though a daemon seems to run (it will stop)')
      .addHelpText('after', `${SET_HELP}\n${EXIT_CODES_HELP}`)
      .action(async (place: string, _options: object, command: Command) => {
        const { setPosition } = await import('../position/position-set.ts')
        await setPosition(place, command.optsWithGlobals<PositionOptions>())
      }),
  )
  return position
}
