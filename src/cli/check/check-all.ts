import { readConfig } from '../../app/config/load.ts'
import type { Config, ScaleConfig } from '../../app/config/config.ts'
import { sourceAddresses } from '../../app/lookups.ts'
import { replicaName } from '../../app/open-sources.ts'
import { ProblemsError, type Problem } from '../../model/errors.ts'
import { RULE_CODES } from '../../rules/codes.ts'
import { inspectPolled } from '../../app/outbox/inspect-polled.ts'
import { watchedOutboxes } from '../../app/outbox/outbox-work.ts'
import { formatProblems } from '../../rules/files/format-problems.ts'
import type { LoadedRules } from '../../rules/files/load.ts'
import type { WantsTable } from '../../sources/mysql/server/preflight/unlogged-rows.ts'
import { ExitCode } from '../output/exit-codes.ts'
import { inspectSagaStore } from './inspect-sagas.ts'
import { inspectSource, type Inspection } from './inspect-source.ts'
import { inspectTargets } from './inspect-targets.ts'
import type { TargetInspection } from './inspect-targets.ts'
import { sarifOf } from './sarif.ts'
import { readSchemaFile } from './schema-file.ts'
import { paint } from '../output/paint.ts'
import { type Reading, rulesFor } from '../rules-for.ts'
import type { GlobalOptions } from '../context.ts'

/** Options of `bingo check`. */
export interface CheckOptions extends GlobalOptions {
  readonly online?: boolean
  readonly schema?: string
  readonly json?: boolean
  readonly strict?: boolean
  readonly sarif?: boolean
  readonly allowMissingSecrets?: boolean
}

const NO_TARGETS: TargetInspection = { problems: [], unasked: [] }

/** `bingo check`: prints every problem; answers the exit code. */
export async function check(options: CheckOptions): Promise<number> {
  const online = options.online === true
  const { config, problems, isRead } = readConfig({
    file: options.config,
    env: process.env,
    cwd: process.cwd(),
    sourceRequired: online && 'unless events',
    allowMissingSecrets: options.allowMissingSecrets,
  })
  const found: Problem[] = [...problems]
  const seen = online && config.sources.length > 0 && !hasErrors(found) ? await checkSources(config, found) : undefined
  if (online && !hasErrors(found)) found.push(...(await checkBrokers(config)))
  if (online && config.scale !== null && !hasErrors(found)) found.push(...(await checkScale(config, config.scale)))
  // A dump names every table there is; what the account may see does not matter then.
  const known =
    options.schema === undefined
      ? seen
      : { tables: readSchemaFile(options.schema), foldsNames: seen?.foldsNames, complete: true, toSeeAll: '' }
  // Which rules are meant, and what they are sent with, stands in the configuration.
  const loaded = isRead ? await checkRules(config, known, options.allowMissingSecrets === true, found) : null
  const targets = online && loaded !== null ? await inspectTargets(loaded.ruleSet, sourceAddresses(config)) : NO_TARGETS
  found.push(...targets.problems)
  if (online && (loaded?.ruleSet.sagas ?? []).length > 0) found.push(...(await inspectSagaStore(config)))
  if (online) found.push(...(await inspectPolled(config, process.env)))
  const judged = withoutRepeated(found)
  const ok = !judged.some(({ severity }) => severity === 'error' || (options.strict === true && severity === 'warning'))
  if (options.json) process.stdout.write(`${JSON.stringify(report(ok, loaded, judged, targets, config))}\n`)
  else if (options.sarif) process.stdout.write(`${JSON.stringify(sarifOf(ok, judged, process.cwd()))}\n`)
  else print(config, loaded, judged, { online, ok, unasked: targets.unasked })
  return ok ? ExitCode.ok : ExitCode.failed
}

type KnownTables = Pick<Inspection, 'complete' | 'toSeeAll'> & Reading

/** For machines; `rules` is null where the rules are wrong. */
function report(
  ok: boolean,
  loaded: LoadedRules | null,
  problems: readonly Problem[],
  { unasked }: TargetInspection,
  config: Config,
): object {
  return {
    ok,
    errors: count(problems, 'error'),
    warnings: count(problems, 'warning'),
    notes: count(problems, 'note'),
    rules: loaded === null ? null : countRules(loaded, config),
    sagas: loaded === null ? null : (loaded.ruleSet.sagas?.length ?? 0),
    outboxes: config.outboxes.length,
    unasked,
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
  allowMissingSecrets: boolean,
  found: Problem[],
): Promise<LoadedRules | null> {
  try {
    const loaded = await rulesFor(config, {
      tables: seen?.tables,
      foldsNames: seen?.foldsNames,
      allowMissingSecrets,
    })
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
  const message = `no visible table matches rule "${problem.ruleId}": the table does not exist, or the account has no SELECT on it (its columns were not checked)`
  return { ...problem, message, hint: `Check the spelling of \`table\`, including case; or: ${toSeeAll}` }
}

async function checkSources(config: Config, found: Problem[]): Promise<Inspection> {
  // Which tables they name does not depend on secrets.
  const rules = await rulesFor(config, { allowMissingSecrets: true }).catch((error: unknown) => {
    if (error instanceof ProblemsError) return null
    throw error
  })
  const wants: WantsTable = (schema, table) =>
    rules?.ruleSet.rules.some((rule) => rule.matchesTable(schema, table)) ?? false
  const inspections: Inspection[] = []
  for (const [i, source] of config.sources.entries()) {
    const inspection = await inspectSource(
      source,
      replicaName(config.name, source.name, i === 0),
      wants,
      watchedOutboxes(config.outboxes),
    )
    const of = config.sources.length > 1 ? `source ${source.name}: ` : ''
    for (const { severity, code, message, sql } of inspection.findings) {
      found.push({ severity, code, message: of + message, location: undefined, hint: sql ?? undefined })
    }
    inspections.push(inspection)
  }
  return inspections.reduce(together)
}

async function checkBrokers({ brokers, rules, name: instance }: Config): Promise<readonly Problem[]> {
  if (brokers.length === 0) return []
  const { inspectBroker } = await import('../../app/brokers/inspect-broker.ts')
  const found: Problem[] = []
  const options = { env: process.env, baseDir: rules.baseDir, instance }
  for (const broker of brokers) found.push(...(await inspectBroker(broker, options)))
  return found
}

async function checkScale(config: Config, scale: ScaleConfig): Promise<readonly Problem[]> {
  const { inspectScale } = await import('../../app/scale/inspect.ts')
  return inspectScale(config, scale)
}

/** Rules read all sources: a table is known where one of them has it. */
function together(one: Inspection, other: Inspection): Inspection {
  return {
    findings: [...one.findings, ...other.findings],
    tables: one.tables && other.tables && [...one.tables, ...other.tables],
    foldsNames: one.foldsNames && other.foldsNames,
    complete: one.complete && other.complete,
    toSeeAll: one.complete ? other.toSeeAll : one.toSeeAll,
  }
}

function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error')
}

function print(
  config: Config,
  loaded: LoadedRules | null,
  found: readonly Problem[],
  { online, ok, unasked }: { readonly online: boolean; readonly ok: boolean; readonly unasked: readonly string[] },
): void {
  const colour = paint(process.stdout)
  if (found.length > 0) process.stderr.write(`${formatProblems(found, { color: paint(process.stderr).enabled })}\n`)
  const [errors, warnings, notes] = [count(found, 'error'), count(found, 'warning'), count(found, 'note')]
  const counted = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`
  if (!ok) {
    process.stdout.write(`${colour.red('✗')} ${counted}\n`)
    return
  }
  const { outboxes } = config
  const rules = loaded === null ? 0 : countRules(loaded, config)
  const sagas = loaded?.ruleSet.sagas?.length ?? 0
  const files = loaded?.ruleSet.files.length ?? 0
  process.stdout.write(
    `${colour.green('✓')} configuration ${config.file ?? '(environment and defaults)'}\n` +
      (outboxes.length === 0 || files > 0
        ? `${colour.green('✓')} ${plural(rules, 'rule')}${sagas === 0 ? '' : ` and ${plural(sagas, 'saga')}`} in ${plural(files, 'file')}\n`
        : '') +
      (outboxes.length === 0
        ? ''
        : `${colour.green('✓')} ${outboxes.length} outbox${outboxes.length === 1 ? '' : 'es'}\n`) +
      (notes > 0
        ? `${colour.yellow('!')} ${plural(notes, 'missing secret')}: what depends on them was not checked\n`
        : '') +
      (online && config.sources.length > 0 ? `${colour.green('✓')} the source can be read\n` : '') +
      (online && config.scale !== null
        ? `${colour.green('✓')} the state store and the log of changes can be used\n`
        : '') +
      unasked.map((each) => `${colour.yellow('!')} not checked: ${each}\n`).join('') +
      (warnings > 0 ? `${colour.yellow('!')} ${counted}\n` : ''),
  )
}

/** A named target is read once for each action that uses it. */
function withoutRepeated(problems: readonly Problem[]): readonly Problem[] {
  const place = ({ location, message }: Problem): string =>
    `${location?.file}:${location?.line}:${location?.column} ${message}`
  const notes = new Map(problems.filter(({ severity }) => severity === 'note').map((note) => [place(note), note]))
  return problems.filter((problem) => problem.severity !== 'note' || notes.get(place(problem)) === problem)
}

function count(problems: readonly Problem[], severity: Problem['severity']): number {
  return problems.filter((problem) => problem.severity === severity).length
}

/** Those of the files: outboxes, brokers and event stores of the configuration add some of their own, and so do sagas. */
function countRules({ ruleSet: { rules, sagas = [] } }: LoadedRules, { file }: Config): number {
  const ofSagas = sagas.reduce((sum, saga) => sum + saga.rules.length, 0)
  return rules.filter(({ location }) => location.file !== file).length - ofSagas
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
