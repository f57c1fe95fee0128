import { readConfig } from '../../app/config/load.ts'
import type { Config } from '../../app/config/config.ts'
import { ProblemsError, type Problem } from '../../model/errors.ts'
import type { TableDef } from '../../model/table.ts'
import { formatProblems } from '../../rules/files/format-problems.ts'
import type { LoadedRules } from '../../rules/files/load.ts'
import type { CheckOptions } from '../commands/check.ts'
import { ExitCode } from '../output/exit-codes.ts'
import { inspectSource } from './inspect-source.ts'
import { inspectTargets } from './inspect-targets.ts'
import { readSchemaFile } from './schema-file.ts'
import { paint } from '../output/paint.ts'
import { rulesFor } from '../rules-for.ts'

/** `bingo check`: prints every problem; answers the exit code. */
export async function check(options: CheckOptions): Promise<number> {
  const online = options.online === true
  const { config, problems } = readConfig({
    file: options.config,
    env: process.env,
    cwd: process.cwd(),
    sourceRequired: online,
  })
  const found: Problem[] = [...problems]
  const ofSource = online && !hasErrors(found) ? await checkSource(config, found) : undefined
  const tables = options.schema === undefined ? ofSource : readSchemaFile(options.schema)
  const loaded = await checkRules(config, tables, found)
  if (online && loaded !== null) found.push(...(await inspectTargets(loaded.ruleSet)))
  print(config, loaded, found, online)
  return hasErrors(found) ? ExitCode.failed : ExitCode.ok
}

async function checkRules(
  config: Config,
  tables: readonly TableDef[] | undefined,
  found: Problem[],
): Promise<LoadedRules | null> {
  try {
    const loaded = await rulesFor(config, tables)
    found.push(...loaded.warnings)
    return loaded
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    found.push(...error.problems)
    return null
  }
}

async function checkSource(config: Config, found: Problem[]): Promise<readonly TableDef[] | undefined> {
  const { findings, tables } = await inspectSource(config)
  for (const { severity, code, message, sql } of findings) {
    found.push({ severity, code, message, location: undefined, hint: sql ?? undefined })
  }
  return tables
}

function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error')
}

function print(config: Config, loaded: LoadedRules | null, found: readonly Problem[], online: boolean): void {
  const colour = paint(process.stdout)
  if (found.length > 0) process.stderr.write(`${formatProblems(found, { color: paint(process.stderr).enabled })}\n`)
  const errors = found.filter(({ severity }) => severity === 'error').length
  const warnings = found.length - errors
  const counted = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`
  if (errors > 0) {
    process.stdout.write(`${colour.red('✗')} ${counted}\n`)
    return
  }
  const rules = loaded?.ruleSet.rules.length ?? 0
  const files = loaded?.ruleSet.files.length ?? 0
  process.stdout.write(
    `${colour.green('✓')} configuration ${config.file ?? '(environment and defaults)'}\n` +
      `${colour.green('✓')} ${plural(rules, 'rule')} in ${plural(files, 'file')}\n` +
      (online ? `${colour.green('✓')} the source can be read\n` : '') +
      (warnings > 0 ? `${colour.yellow('!')} ${counted}\n` : ''),
  )
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
