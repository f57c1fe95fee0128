import { Command } from 'commander'
import type { GlobalOptions } from '../context.ts'
import type { ApiOptions } from '../posted/ask-api.ts'
import { EXIT_CODES_HELP } from '../output/exit-codes.ts'

const HELP = `
A disabled rule stays disabled over restarts, and the log says who disabled it. Events that come meanwhile are not
matched by it; what it had asked for before is skipped, and recorded as such.

A rule that fails for many events in a row is suspended: its events wait. A changed rule is tried again by itself;
resume tries once more where something else was repaired.

Examples:
  $ bingo rules list
  $ bingo rules disable welcome
  $ bingo rules invoke nightly-report --payload '{"day": "2026-11-28"}'`

export function rulesCommand(): Command {
  const rules = new Command('rules')
    .summary('list, enable, disable, resume or invoke rules of the running daemon')
    .description('Lists the rules of the running daemon, and enables, disables, resumes or invokes one.')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`)
  rules.addCommand(
    new Command('list')
      .description('Prints each rule with its state and its events.')
      .option('--json', 'print it as JSON')
      .action(async (_options: object, command: Command) => {
        const { listRules } = await import('../posted/rules.ts')
        await listRules(command.optsWithGlobals<ApiOptions>())
      }),
  )
  rules.addCommand(switching('enable', 'Enables a rule.'))
  rules.addCommand(switching('disable', 'Disables a rule until it is enabled again.'))
  rules.addCommand(
    new Command('resume')
      .description('Evaluates the events of a suspended rule again, in order.')
      .argument('<rule>', 'id of the rule')
      .action(async (rule: string, _options: object, command: Command) => {
        const { resumeRule } = await import('../daemon/resume-rule.ts')
        await resumeRule(rule, command.optsWithGlobals<GlobalOptions>())
      }),
  )
  rules.addCommand(
    new Command('invoke')
      .description('Runs a rule on events once, for an event that is made for it.')
      .argument('<rule>', 'id of the rule')
      .option('--payload <json>', 'payload of the event')
      .option('--key <key>', 'what order is kept for')
      .option('--id <id>', 'id of the event')
      .option('--environment <name>', 'environment (default: that of the token)')
      .option('--json', 'print it as JSON')
      .action(async (rule: string, _options: object, command: Command) => {
        const { invokeRule } = await import('../posted/rules.ts')
        await invokeRule(rule, command.optsWithGlobals<ApiOptions & { readonly payload?: string }>())
      }),
  )
  return rules
}

function switching(verb: 'enable' | 'disable', description: string): Command {
  return new Command(verb)
    .description(description)
    .argument('<rule>', 'id of the rule')
    .option('--json', 'print it as JSON')
    .action(async (rule: string, _options: object, command: Command) => {
      const { switchRule } = await import('../posted/rules.ts')
      await switchRule(rule, verb, command.optsWithGlobals<ApiOptions>())
    })
}
