import { Command, CommanderError } from 'commander'
import { watchOutput } from './output/broken-output.ts'
import { checkCommand } from './commands/check.ts'
import { deadLettersCommand } from './commands/dead-letters.ts'
import { demoCommand } from './commands/demo.ts'
import { EXIT_CODES_HELP, ExitCode, exitCodeOf } from './output/exit-codes.ts'
import { eventsCommand } from './commands/events.ts'
import { explainCommand } from './commands/explain.ts'
import { healthCommand } from './commands/health.ts'
import { positionCommand } from './commands/position.ts'
import { printError } from './output/print-error.ts'
import { rulesCommand } from './commands/rules.ts'
import { runCommand } from './commands/run.ts'
import { sagasCommand } from './commands/sagas.ts'
import { targetsCommand } from './commands/targets.ts'
import { statusCommand } from './commands/status.ts'
import { storeCommand } from './commands/store.ts'
import { tailCommand } from './commands/tail.ts'
import { testCommand } from './commands/test.ts'
import { version } from './version.ts'

const DESCRIPTION = [
  'Turns changes of MySQL and MariaDB, and events that applications post, into business actions: reads the binlog as a',
  'replica does, matches every change against YAML rules, and runs the actions of the rules that match.',
  '\n\nThe configuration comes from config/bingo.yaml (or --config, or BINGO_CONFIG) and the environment: every setting',
  'has a variable, such as BINGO_SOURCE_URL for source.url. BinGo needs only that and a rules file.',
].join(' ')

const EXAMPLES = `
Examples:
  $ bingo demo                            watch it work, no setup
  $ bingo check                           check configuration and rules
  $ BINGO_SOURCE_URL=mysql://bingo:secret@db:3306 bingo run
  $ bingo tail --from earliest --until-idle 2s | jq .new`

/** They read the rules, and people give them the file. */
const WITHOUT_FILES: ReadonlySet<string> = new Set(['run', 'check', 'tail'])

/** What a process of BinGo does: once, since it looks after the outputs as long as they are open. */
export function runProcess(): Promise<number> {
  watchOutput([process.stdout, process.stderr], (error) => {
    printError(error, process.stderr, false)
    process.exit(ExitCode.failed)
  })
  return runCli(process.argv)
}

/** Runs one command line; answers the exit code. Prints errors for people. */
export async function runCli(argv: readonly string[]): Promise<number> {
  let exitCode: number = ExitCode.ok
  const program = createProgram((code) => (exitCode = code))
  try {
    await program.parseAsync([...argv])
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.code === 'commander.excessArguments') process.stderr.write(whereFilesAreNamed(program.args[0]))
      return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
    }
    printError(error, process.stderr, program.opts()['debug'] === true)
    return exitCodeOf(error)
  }
}

function whereFilesAreNamed(command: string | undefined): string {
  if (command === undefined || !WITHOUT_FILES.has(command)) return ''
  return `  → Rules files are named by "rules" in the configuration, or for one run: BINGO_RULES=rules/users.yaml bingo ${command}\n`
}

/** Commands set the exit code through `exit` where they end without an error (a failed check). */
export function createProgram(exit: (code: number) => void): Command {
  const program = new Command('bingo')
    .description(DESCRIPTION)
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .option('-c, --config <file>', 'configuration file (default: BINGO_CONFIG, or config/bingo.yaml if it exists)')
    .option('--debug', 'log more, and print stack traces with errors')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(see --help)')
    .addHelpText('after', `${EXAMPLES}\n${EXIT_CODES_HELP}`)
  for (const command of [
    runCommand(),
    checkCommand(exit),
    testCommand(exit),
    explainCommand(exit),
    tailCommand(),
    statusCommand(exit),
    targetsCommand(),
    eventsCommand(),
    rulesCommand(),
    sagasCommand(),
    healthCommand(exit),
    deadLettersCommand(exit),
    positionCommand(),
    storeCommand(),
    demoCommand(exit),
  ]) {
    inherit(command)
    program.addCommand(command)
  }
  return program
}

/** Commands made apart do not take the program's manners over by themselves. */
function inherit(command: Command): void {
  command
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(see --help)')
    .helpOption('-h, --help', 'print help')
  for (const child of command.commands) inherit(child)
}
