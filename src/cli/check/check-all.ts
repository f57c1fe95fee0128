import { readConfig } from '../../app/config/load.ts'
import type { Config } from '../../app/config/config.ts'
import { ProblemsError, type Problem } from '../../model/errors.ts'
import { RULE_CODES } from '../../rules/codes.ts'
import { formatProblems } from '../../rules/files/format-problems.ts'
import type { LoadedRules } from '../../rules/files/load.ts'
import type { CheckOptions } from '../commands/check.ts'
import { ExitCode } from '../output/exit-codes.ts'
import { inspectSource, type Inspection } from './inspect-source.ts'
import { inspectTargets } from './inspect-targets.ts'
import { readSchemaFile } from './schema-file.ts'
import { paint } from '../output/paint.ts'
import { type KnownSource, rulesFor } from '../rules-for.ts'

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
  const seen = online && !hasErrors(found) ? await checkSource(config, found) : undefined
  // A dump names every table there is; what the account may see does not matter then.
  const known =
    options.schema === undefined
      ? seen
      : { tables: readSchemaFile(options.schema), foldsNames: seen?.foldsNames, complete: true, toSeeAll: '' }
  const loaded = await checkRules(config, known, found)
  if (online && loaded !== null) found.push(...(await inspectTargets(loaded.ruleSet)))
  const ok = options.strict === true ? found.length === 0 : !hasErrors(found)
  if (options.json) process.stdout.write(`${JSON.stringify(report(ok, loaded, found))}\n`)
  else print(config, loaded, found, { online, ok })
  return ok ? ExitCode.ok : ExitCode.failed
}

type KnownTables = Pick<Inspection, 'complete' | 'toSeeAll'> & KnownSource

/** For machines; `rules` is null where the rules are wrong. */
function report(ok: boolean, loaded: LoadedRules | null, problems: readonly Problem[]): object {
  return {
    ok,
    errors: problems.filter(({ severity }) => severity === 'error').length,
    warnings: problems.filter(({ severity }) => severity === 'warning').length,
    rules: loaded?.ruleSet.rules.length ?? null,
    problems: problems.map(({ severity, code, message, hint, location, ruleId }) => ({
      severity,
      code,
      message,
      hint,
      rule: ruleId,
      ...location,
    })),
  }
}

async function checkRules(
  config: Config,
  seen: KnownTables | undefined,
  found: Problem[],
): Promise<LoadedRules | null> {
  try {
    const loaded = await rulesFor(config, seen && { tables: seen.tables, foldsNames: seen.foldsNames })
    found.push(...loaded.warnings.map((each) => (seen === undefined ? each : asFarAsSeen(each, seen))))
    return loaded
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    found.push(...error.problems)
    return null
  }
}

/** A table that is not among those that the account sees may exist all the same. */
function asFarAsSeen(problem: Problem, { complete, toSeeAll }: KnownTables): Problem {
  if (complete || problem.code !== RULE_CODES.noTable) return problem
  const message = `no table that the account can see matches rule "${problem.ruleId}": it does not exist, or the account has no SELECT on it, and then its columns were not checked`
  return { ...problem, message, hint: `Check the spelling of \`table\`, letter case included; or: ${toSeeAll}` }
}

async function checkSource(config: Config, found: Problem[]): Promise<Inspection> {
  const rules = await rulesFor(config).catch((error: unknown) => {
    if (error instanceof ProblemsError) return null
    throw error
  })
  const inspection = await inspectSource(
    config,
    (schema, table) => rules?.ruleSet.rules.some((rule) => rule.matchesTable(schema, table)) ?? false,
  )
  const { findings } = inspection
  for (const { severity, code, message, sql } of findings) {
    found.push({ severity, code, message, location: undefined, hint: sql ?? undefined })
  }
  return inspection
}

function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error')
}

function print(
  config: Config,
  loaded: LoadedRules | null,
  found: readonly Problem[],
  { online, ok }: { readonly online: boolean; readonly ok: boolean },
): void {
  const colour = paint(process.stdout)
  if (found.length > 0) process.stderr.write(`${formatProblems(found, { color: paint(process.stderr).enabled })}\n`)
  const errors = found.filter(({ severity }) => severity === 'error').length
  const warnings = found.length - errors
  const counted = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`
  if (!ok) {
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
