import { Command, Option } from 'commander'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'
import type { PositionOptions } from '../position/position-show.ts'

const HELP = `
Examples:
  $ bingo position show
  $ bingo position show --json | jq -r .position.gtidSet`

const SET_HELP = `
Positions:
  latest            the current end of the binlog; earlier changes are ignored
  earliest          the oldest event on the server; everything since then is delivered (again)
  FILE:POS          binlog.000003:157, a boundary between transactions
  GTID set          3e11fa47-71ca-11e1-9e33-c80aa9429562:1-42; MariaDB 0-1-42
  global position   with --source event-store: 0 (earliest) reads all events again, as for a read model
                    that is rebuilt

The position is validated against the server before it is saved. Stop the daemon first: the command is
refused while a daemon holds the checkpoint file. With a checkpoint in Redis or a database it is refused
while the daemon's admin server answers; --force saves anyway, and the daemon is fenced off and stops.

Examples:
  $ bingo position set latest
  $ bingo position set binlog.000003:157`

export function positionCommand(): Command {
  const position = new Command('position')
    .summary('show or set the checkpoint (where the daemon resumes)')
    .description('Shows or sets the checkpoint: the position at which the daemon resumes.')
  position.addCommand(
    new Command('show')
      .description('Prints the checkpoint. Safe while the daemon runs.')
      .addOption(new Option('--json', 'print it as JSON'))
      .option('--source <name>', 'that of this source of `sources:` (default: the first)')
      .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
      .action(async (_options: object, command: Command) => {
        const { showPosition } = await import('../position/position-show.ts')
        await showPosition(command.optsWithGlobals<PositionOptions>())
      }),
  )
  position.addCommand(
    new Command('set')
      .description('Sets the checkpoint: the daemon resumes there at its next start.')
      .argument('<position>', 'latest, earliest, FILE:POS or a GTID set')
      .option('--source <name>', 'that of this source of `sources:` (default: the first)')
      .option('--force', 'set it although a daemon is running (which then stops)')
      .addHelpText('after', `${SET_HELP}\n${EXIT_CODES_HELP}`)
      .action(async (place: string, _options: object, command: Command) => {
        const { setPosition } = await import('../position/position-set.ts')
        await setPosition(place, command.optsWithGlobals<PositionOptions>())
      }),
  )
  return position
}
