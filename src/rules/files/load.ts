import { resolve } from 'node:path'
import type { ActionDefaults, ActionType } from '../../model/rule/action.ts'
import { ProblemsError } from '../../model/errors.ts'
import type { Problem, SourceLocation } from '../../model/errors.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { TableDef } from '../../model/table/table.ts'
import { RULE_CODES } from '../codes.ts'
import { checkFoldedNames, checkLetterCase, checkRulesAgainstTable, checkRulesAgainstTables } from '../check-tables.ts'
import { DEFAULT_DELIVERY } from '../read/delivery-options.ts'
import type { DeliveryOptions } from '../read/delivery-options.ts'
import { findRuleFiles } from './find-files.ts'
import { checkTarget } from '../read/read-action.ts'
import type { RuleContext, TargetSource } from '../read/read-action.ts'
import { readRule } from '../read/read-rule.ts'
import type { RuleChecks } from '../rule-checks.ts'
import { ValueReader } from '../read/read-values.ts'
import { checkRulesAgainstSchemas } from '../schemas/check-schemas.ts'
import { LoadedSchemas } from '../schemas/event-schemas.ts'
import type { TypeSchema } from '../schemas/event-schemas.ts'
import { readSchemas } from '../schemas/read-schemas.ts'
import type { SagaDefinition, SagaSource } from '../../model/saga/definition.ts'
import { checkSagas } from '../sagas/check-sagas.ts'
import { commandsOf, readSaga } from '../sagas/read-saga.ts'
import { nameTargets } from '../name-targets.ts'
import { distinctProblems, Reporter } from '../reporter.ts'
import { entryOf } from '../yaml/tree.ts'
import type { TreeNode } from '../yaml/tree.ts'
import { readYamlText } from '../yaml/yaml-file.ts'
import { parseYaml } from '../yaml/yaml-tree.ts'

const NOT_JUDGED = 'the field was not checked'

/** What rules are compiled against. */
export interface CompileOptions {
  /** What relative patterns and `${file:…}` are relative to. */
  readonly baseDir: string
  readonly targets: ReadonlyMap<string, TargetSource>
  readonly defaults: ActionDefaults
  readonly actionTypes: ReadonlyMap<string, ActionType>
  /** What actions start from; by default DEFAULT_DELIVERY. */
  readonly delivery?: Partial<DeliveryOptions> | undefined
  /** All tables of the source, where its schema is known: columns are checked against them. */
  readonly tables?: readonly TableDef[] | undefined
  /** The server has names of tables and databases in lower case (lower_case_table_names); where that is known. */
  readonly foldsNames?: boolean | undefined
  /** A secret that is not there makes a note, and the field with it is not judged. Such rules cannot run. */
  readonly allowMissingSecrets?: boolean | undefined
  readonly added?: AddedRules | undefined
  /** Environment for `${env:NAME}`; by default that of the process. */
  readonly env?: { readonly [name: string]: string | undefined } | undefined
}

/** Rules that the configuration stands for, beside those of the files. */
export interface AddedRules {
  readonly rules: readonly RuleChecks[]
  /** As they would stand in a file. */
  readonly nodes: readonly TreeNode[]
}

export interface LoadOptions extends CompileOptions {
  /** Files, folders and globs; several in one by comma. */
  readonly patterns: readonly string[]
  /** That no file is there is no mistake. */
  readonly mayBeMissing?: boolean | undefined
}

export interface LoadedRules {
  /** Enabled rules, in the order of the files' names and of the rules in them. */
  readonly ruleSet: RuleSet
  readonly warnings: readonly Problem[]
}

export interface RuleText {
  /** Path, for RuleSet.files. */
  readonly path: string
  /** How the file is called in messages. */
  readonly name: string
  readonly text: string
}

/** Reads and compiles rules. Throws ProblemsError with everything that is wrong. */
export async function loadRules(options: LoadOptions): Promise<LoadedRules> {
  const reporter = new Reporter()
  const { files, missing } = await findRuleFiles(options.patterns, options.baseDir)
  for (const pattern of options.mayBeMissing === true ? [] : missing) {
    reporter.error(
      RULE_CODES.noFiles,
      undefined,
      `no rules file matches "${pattern}"`,
      `check the pattern; it is relative to ${options.baseDir}, and in a folder only *.yaml and *.yml count`,
    )
  }
  const texts: RuleText[] = []
  for (const { path, name } of files) {
    try {
      const text = readYamlText(path, name, RULE_CODES.yaml, reporter)
      if (text !== undefined) texts.push({ path, name, text })
    } catch (error) {
      const location: SourceLocation = { file: name, line: 1, column: 1 }
      reporter.error(RULE_CODES.file, location, `cannot read the file: ${(error as Error).message}`)
    }
  }
  return compile(texts, options, reporter)
}

/** As `loadRules`, from texts at hand. Throws ProblemsError with everything that is wrong. */
export function loadRulesFromText(texts: readonly RuleText[], options: CompileOptions): LoadedRules {
  return compile(texts, options, new Reporter())
}

function compile(texts: readonly RuleText[], options: CompileOptions, reporter: Reporter): LoadedRules {
  const context = contextOf(options, reporter)
  for (const [name, target] of options.targets) checkTarget(name, target, context)
  const seen = new Map<string, SourceLocation>()
  const { rules: added = [], nodes = [] } = options.added ?? {}
  const rules: RuleChecks[] = [...added]
  const schemas: TypeSchema[] = []
  const typesSeen = new Map<string, SourceLocation>()
  const sagas: SagaDefinition[] = []
  const sagaScope = { context, seen: new Map<string, SourceLocation>(), rules: seen, isFormer: false }
  const addSaga = (node: TreeNode, index: number): void => {
    const read = readSaga(node, index, sagaScope)
    if (read?.enabled !== true) return
    sagas.push(read.definition)
    rules.push(...read.checks)
  }
  const add = (node: TreeNode, index: number): void => {
    const read = readRule(node, index, seen, context)
    if (read?.enabled === true) rules.push(read.checks)
  }
  for (const { path, name, text } of texts) {
    const file = readFile(text, name, reporter)
    if (file.schemas !== undefined) {
      schemas.push(
        ...readSchemas(file.schemas, resolve(options.baseDir, path), typesSeen, new ValueReader(reporter, undefined)),
      )
    }
    file.rules.forEach((node, index) => add(node, index))
    file.sagas.forEach((node, index) => addSaga(node, index))
  }
  nodes.forEach((node, index) => add(node, index))
  checkSagas(sagas, options.defaults.keepsEvents, reporter)
  if (reporter.errorCount === 0) {
    if (rules.length === 0) reporter.warn(RULE_CODES.noRules, undefined, 'no rule is enabled: BinGo will do nothing')
    reporter.add(checkRulesAgainstSchemas(rules, schemas))
    const { tables, foldsNames = false } = options
    if (foldsNames) reporter.add(checkFoldedNames(rules))
    if (tables !== undefined) reporter.add(checkRulesAgainstTables(rules, tables, foldsNames))
  }
  if (reporter.errorCount > 0) throw new ProblemsError(distinctProblems(reporter.problems))
  const loaded = rules.map(({ rule }) => rule)
  nameTargets([...loaded.flatMap(({ actions }) => actions), ...sagas.flatMap(commandsOf)])
  return {
    ruleSet: {
      rules: loaded,
      files: texts.map(({ path }) => path),
      ...(sagas.length > 0 && { sagas }),
      ...(schemas.length > 0 && { schemas: new LoadedSchemas(schemas) }),
      formerSaga: (source) => compileFormerSaga(source, options),
      problemsWith: (table) => [...checkRulesAgainstTable(rules, table), ...checkLetterCase(rules, table)],
    },
    warnings: reporter.warnings,
  }
}

function contextOf(options: CompileOptions, reporter: Reporter): RuleContext {
  return {
    reporter,
    secrets: {
      env: options.env ?? process.env,
      baseDir: options.baseDir,
      onAbsent:
        options.allowMissingSecrets === true
          ? ({ location, ruleId, message }) => reporter.note(RULE_CODES.secret, location, message, NOT_JUDGED, ruleId)
          : undefined,
    },
    actionTypes: options.actionTypes,
    targets: options.targets,
    defaults: options.defaults,
    delivery: { ...DEFAULT_DELIVERY, ...options.delivery },
  }
}

/**
 * Compiles a saga as it was when instances began with it, with the targets and secrets of today. Throws ProblemsError, such
 * as for a target that is gone.
 */
export function compileFormerSaga({ file, version, text }: SagaSource, options: CompileOptions): SagaDefinition {
  const reporter = new Reporter()
  const name = `${file} (version ${version})`
  const root = parseYaml({ text: `[${text}]`, file: name, code: RULE_CODES.yaml }, reporter)
  const node = root?.tag === 'list' ? root.items[0] : undefined
  const scope = { context: contextOf(options, reporter), seen: new Map(), rules: new Map(), isFormer: true }
  const read = node && readSaga(node, 0, scope)
  if (read === undefined) throw new ProblemsError(reporter.problems)
  return read.definition
}

interface RulesFile {
  /** The entries of `rules:`. */
  readonly rules: readonly TreeNode[]
  /** The entries of `sagas:`. */
  readonly sagas: readonly TreeNode[]
  readonly schemas?: TreeNode | undefined
}

const NOTHING: RulesFile = { rules: [], sagas: [] }

function readFile(text: string, file: string, reporter: Reporter): RulesFile {
  const before = reporter.errorCount
  const root = parseYaml({ text, file, code: RULE_CODES.yaml }, reporter)
  const reader = new ValueReader(reporter, undefined)
  if (root === undefined || isNull(root)) {
    if (reporter.errorCount === before) noRules(reader, { file, line: 1, column: 1 }, 'the file is empty')
    return NOTHING
  }
  const map = reader.map(root, 'a rules file', 'start the file with rules:')
  if (map === undefined) return NOTHING
  reader.knownKeys(map, 'a rules file', ['rules', 'schemas', 'sagas'])
  const entry = entryOf(map, 'rules')
  const given = entryOf(map, 'sagas')
  const sagas = (given && reader.list(given.value, 'sagas', 'put - before each saga')?.items) ?? []
  const schemas = entryOf(map, 'schemas')?.value
  if (entry === undefined) {
    if (map.entries.length === 0) noRules(reader, map.location, 'the file has no rules')
    return { rules: [], sagas, schemas }
  }
  if (isNull(entry.value)) {
    if (reporter.errorCount === before) noRules(reader, entry.keyLocation, '"rules:" is empty')
    return { rules: [], sagas, schemas }
  }
  return {
    rules: reader.list(entry.value, 'rules', 'put - before each rule')?.items ?? [],
    sagas,
    schemas,
  }
}

/** A file that was cut off while it was written must not take the rules away: none at all has to be said. */
function noRules(reader: ValueReader, location: SourceLocation, message: string): void {
  reader.fail({ location }, RULE_CODES.missing, message, 'write rules: [] if it should have none')
}

function isNull(node: TreeNode): boolean {
  return node.tag === 'scalar' && node.value === null
}
