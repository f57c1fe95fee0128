import { Command } from 'commander'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'

const DROP_HELP = `
Events that were matched before the rules changed keep waiting for the target that they were meant for. When
it never comes back (its address was wrong), drop it: its events go to the dead letters, from where
"dead-letters retry --by" sends them by another action. A target that a rule names cannot be dropped.`

export function targetsCommand(): Command {
  const targets = new Command('targets')
    .summary('list the targets of the running daemon, or drop one that no rule names any more')
    .description('Lists the targets of the running daemon, or drops one that no rule names any more.')
    .addHelpText('after', `\n${EXIT_CODES_HELP}`)
  targets.addCommand(
    new Command('list')
      .description('Prints each target with its state and what waits for it.')
      .option('--json', 'print it as JSON')
      .action(async (_options: object, command: Command) => {
        const { listTargets } = await import('../daemon/targets.ts')
        await listTargets(command.optsWithGlobals<GlobalOptions & { readonly json?: boolean }>())
      }),
  )
  targets.addCommand(
    new Command('drop')
      .description('Moves what waits for a target that no rule names any more to the dead letters.')
      .argument('<target>', 'as list prints it')
      .addHelpText('after', DROP_HELP)
      .action(async (target: string, _options: object, command: Command) => {
        const { dropTarget } = await import('../daemon/targets.ts')
        await dropTarget(target, command.optsWithGlobals<GlobalOptions>())
      }),
  )
  return targets
}
