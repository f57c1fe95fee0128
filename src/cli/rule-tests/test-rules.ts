import { isDeepStrictEqual } from 'node:util'
import type { Change } from '../../model/event/change.ts'
import type { Row } from '../../model/event/row.ts'
import { BingoError, ProblemsError, type Problem, type SourceLocation } from '../../model/errors.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'
import { nearestName } from '../../model/nearest-name.ts'
import type { Rule } from '../../model/rule/rule.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import { explainRule, type ExplainedAction } from '../../match/explain.ts'
import { findRuleFiles } from '../../rules/files/find-files.ts'
import { Reporter } from '../../rules/reporter.ts'
import { dataOf, entryOf } from '../../rules/yaml/tree.ts'
import type { TreeNode } from '../../rules/yaml/tree.ts'
import { readYamlFile, UnreadableFile } from '../../rules/yaml/yaml-file.ts'
import { readSchemaFile } from '../check/schema-file.ts'
import { configFor, type GlobalOptions } from '../context.ts'
import { explainDue, whyNoNewest } from './due.ts'
import { readExpectation, unmet, type Expectation } from './expectation.ts'
import { ExitCode } from '../output/exit-codes.ts'
import { paint } from '../output/paint.ts'
import { rulesFor } from '../rules-for.ts'
import { readSagaTest } from '../saga-tests/read-story.ts'
import { runStory, type Known } from '../saga-tests/run-story.ts'
import type { SagaTest } from '../saga-tests/story.ts'
import { sampleChange, type SampleEvent } from '../../rules/samples/sample-change.ts'

/** Options of `bingo test`. */
export interface TestOptions extends GlobalOptions {
  readonly schema?: string
}

interface RuleTest {
  readonly name: string
  readonly rule: Rule
  readonly event: SampleEvent
  /** The row as it is at the due time, or columns of it; null: it is gone. Undefined: nothing has changed. */
  readonly newest: Row | null | undefined
  readonly expect: Expectation
  /** Payloads of all actions, in the form that `bingo explain` prints. Undefined: not asked. */
  readonly sends: readonly unknown[] | undefined
  readonly location: SourceLocation
}

const KEYS: readonly string[] = ['name', 'rule', 'event', 'newest', 'expect', 'sends']

/** `bingo test`: prints each test; answers the exit code. Throws ProblemsError for files that are wrong. */
export async function testRules(patterns: readonly string[], options: TestOptions): Promise<number> {
  const tables = options.schema === undefined ? undefined : readSchemaFile(options.schema)
  const { ruleSet } = await rulesFor(configFor(options, 'test'), { allowMissingSecrets: true })
  const problems: Problem[] = []
  const tests = await readTests(patterns, ruleSet, problems)
  if (problems.length > 0) throw new ProblemsError(problems)
  const colour = paint(process.stdout)
  let failed = 0
  for (const test of tests) {
    const known = { tables, schemas: ruleSet.schemas }
    const wrong = 'saga' in test ? runStory(test, known) : outcomeOf(test, known)
    if (wrong.length === 0) process.stdout.write(`${colour.green('✓')} ${test.name}\n`)
    else {
      failed += 1
      const { file, line } = test.location
      process.stdout.write(
        `${colour.red('✗')} ${test.name} ${colour.dim(`${file}:${line}`)}\n    ${wrong.join('\n    ')}\n`,
      )
    }
  }
  process.stdout.write(`${tests.length - failed} passed, ${failed} failed\n`)
  return failed === 0 ? ExitCode.ok : ExitCode.failed
}

/** What is not as expected, a line each. */
function outcomeOf({ rule, event, newest, expect, sends }: RuleTest, { tables, schemas }: Known): readonly string[] {
  let change: Change
  try {
    change = sampleChange(event, tables, schemas)
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    return [error.message, ...(error.hint === undefined ? [] : [error.hint])]
  }
  const explanation = newest === undefined ? explainRule(rule, change) : explainDue(rule, change, newest)
  const wrong = unmet(expect, explanation, rule)
  if (wrong.length > 0 || sends === undefined) return wrong
  const sent = explanation.actions.flatMap(sentBy)
  return isDeepStrictEqual(sent, plain(sends)) ? [] : [`expected ${stringifyValue(sends)}, got ${stringifyValue(sent)}`]
}

function sentBy({ rendered }: ExplainedAction): unknown[] {
  if (rendered === null) return []
  return ['payload' in rendered ? plain(rendered.payload) : `${rendered.code}`]
}

/** As JSON shows it: big integers as text, no prototypes. */
function plain(value: unknown): unknown {
  return JSON.parse(stringifyValue(value))
}

async function readTests(
  patterns: readonly string[],
  ruleSet: RuleSet,
  problems: Problem[],
): Promise<(RuleTest | SagaTest)[]> {
  const { files, missing } = await findRuleFiles(patterns, process.cwd())
  for (const pattern of missing) {
    const hint = 'Run `bingo test --help` to see an example.'
    problems.push({
      code: 'BINGO_TEST_NO_FILES',
      severity: 'error',
      location: undefined,
      message: `no test file matches ${pattern}`,
      hint,
    })
  }
  return files.flatMap(({ path, name }) => {
    const reporter = new Reporter()
    const root = parsed(path, name, reporter)
    problems.push(...reporter.problems)
    return reporter.problems.length > 0 ? [] : readFile(root, name, ruleSet, problems)
  })
}

function parsed(path: string, name: string, reporter: Reporter): TreeNode | undefined {
  try {
    return readYamlFile(path, name, 'BINGO_TEST_INVALID', reporter)
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error
    const location = { file: name, line: 1, column: 1 }
    reporter.error('BINGO_TEST_INVALID', location, `cannot read the file: ${error.message}`)
    return undefined
  }
}

function readFile(
  root: TreeNode | undefined,
  file: string,
  ruleSet: RuleSet,
  problems: Problem[],
): (RuleTest | SagaTest)[] {
  const list = root?.tag === 'map' ? entryOf(root, 'tests')?.value : undefined
  if (list?.tag !== 'list') {
    const location = list?.location ?? { file, line: 1, column: 1 }
    problems.push({
      code: 'BINGO_TEST_INVALID',
      severity: 'error',
      location,
      message: 'the file has no list "tests:"',
      hint: undefined,
    })
    return []
  }
  return list.items.flatMap((node): readonly (RuleTest | SagaTest)[] => {
    if (node.tag !== 'map' || entryOf(node, 'saga') === undefined) return readRuleTest(node, ruleSet.rules, problems)
    const reporter = new Reporter()
    const test = readSagaTest(node, ruleSet.sagas ?? [], reporter)
    problems.push(...reporter.problems)
    return test === undefined ? [] : [test]
  })
}

function readRuleTest(node: TreeNode, rules: readonly Rule[], problems: Problem[]): RuleTest[] {
  const { location } = node
  const fail = (message: string, hint: string): [] => {
    problems.push({ code: 'BINGO_TEST_INVALID', severity: 'error', location, message, hint })
    return []
  }
  if (node.tag !== 'map')
    return fail('a test must be a map', 'Use the keys name, rule, event, newest, expect and sends.')
  const test = dataOf(node) as { readonly [key: string]: unknown }
  const unknown = Object.keys(test).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) return fail(`"${unknown}" is not a valid key of a test`, `Keys: ${KEYS.join(', ')}.`)
  const rule = rules.find(({ id }) => id === test['rule'])
  if (rule === undefined) {
    const meant = nearestName(
      String(test['rule']),
      rules.map(({ id }) => id),
    )
    return fail(
      `rule "${String(test['rule'])}" does not exist or is disabled`,
      meant === undefined ? 'Write the id of an enabled rule.' : `Did you mean "${meant}"?`,
    )
  }
  const { event, newest, sends } = test
  if (typeof event !== 'object' || event === null)
    return fail('"event" is missing', 'Write a map with op, table, old and new; or with type and payload.')
  const misplaced = newest === undefined ? undefined : whyNoNewest(newest, rule)
  if (misplaced !== undefined) return fail(...misplaced)
  const expected = readExpectation(entryOf(node, 'expect')?.value, rule)
  if ('message' in expected) return fail(expected.message, expected.hint)
  if (sends !== undefined && !Array.isArray(sends)) return fail('"sends" must be a list', 'Write one entry per action.')
  const name = typeof test['name'] === 'string' ? test['name'] : `${rule.id}: ${expected.outcome}`
  return [
    {
      name,
      rule,
      event: event as SampleEvent,
      newest: newest as Row | null | undefined,
      expect: expected,
      sends,
      location,
    },
  ]
}
