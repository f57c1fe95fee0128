import { Command } from 'commander'
import type { GlobalOptions } from '../context.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'

const DROP_HELP = `
When the rules change, events that already matched stay queued for their old target. If that target never
comes back (its address was wrong), drop it: its events move to the dead letters, and "bingo dead-letters
retry --by" redelivers them by another action. A target that a rule or saga references cannot be dropped.`

const EXAMPLES = `
Examples:
  $ bingo targets list
  $ bingo targets pause redis://cache:6379/1    while its maintenance lasts
  $ bingo targets resume redis://cache:6379/1`

export function targetsCommand(): Command {
  const targets = new Command('targets')
    .summary('list, pause or resume targets, or drop one that no rule or saga references any more')
    .description('Lists the targets of the running daemon, pauses, resumes or drops one.')
    .addHelpText('after', `${EXAMPLES}\n${EXIT_CODES_HELP}`)
  targets.addCommand(
    new Command('list')
      .description('Prints each target with its state and backlog.')
      .option('--json', 'print it as JSON')
      .action(async (_options: object, command: Command) => {
        const { listTargets } = await import('../daemon/targets.ts')
        await listTargets(command.optsWithGlobals<GlobalOptions & { readonly json?: boolean }>())
      }),
  )
  targets.addCommand(
    new Command('drop')
      .description('Drops a target that no rule or saga references any more; its backlog moves to the dead letters.')
      .argument('<target>', 'target as printed by list')
      .addHelpText('after', DROP_HELP)
      .action(async (target: string, _options: object, command: Command) => {
        const { dropTarget } = await import('../daemon/targets.ts')
        await dropTarget(target, command.optsWithGlobals<GlobalOptions>())
      }),
  )
  for (const verb of ['pause', 'resume'] as const) targets.addCommand(pausing(verb))
  return targets
}

const DESCRIPTIONS = {
  pause: 'Sends nothing more to a target, also after a restart; its events wait until it is resumed.',
  resume: 'Sends the pending events of a paused target, in order, and continues.',
} as const

function pausing(verb: 'pause' | 'resume'): Command {
  return new Command(verb)
    .description(DESCRIPTIONS[verb])
    .argument('<target>', 'target as printed by list')
    .action(async (target: string, _options: object, command: Command) => {
      const { setTargetPaused } = await import('../daemon/targets.ts')
      await setTargetPaused(target, verb === 'pause', command.optsWithGlobals<GlobalOptions>())
    })
}
