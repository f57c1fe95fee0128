import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { BingoError } from '../../model/errors.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'
import type { Change } from '../../model/event/change.ts'
import type { EventEnvelope } from '../../model/event/posted/event-record.ts'
import { PostedEvent } from '../../model/event/posted/posted-event.ts'
import type { SagaDefinition } from '../../model/saga/definition.ts'
import { onOneLine } from '../../model/printable.ts'
import { writeDuration } from '../../model/quantity.ts'
import { isOutboxRule } from '../../model/rule/outbox-rule.ts'
import type { Rule } from '../../model/rule/rule.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { ExplainedClause } from '../../model/rule/expression.ts'
import {
  explainRule,
  type Answer,
  type ExplainedAction,
  type ExplainedOn,
  type ExplainedPart,
  type Explanation,
} from '../../match/explain.ts'
import { readSchemaFile } from '../check/schema-file.ts'
import { configFor, type GlobalOptions } from '../context.ts'
import { ExitCode } from '../output/exit-codes.ts'
import { paint, type Paint } from '../output/paint.ts'
import { shownPayload } from '../output/shown-payload.ts'
import { rulesFor } from '../rules-for.ts'
import { explainSaga } from './explain-sagas.ts'
import { printTable } from './print-table.ts'
import { sampleChange, type SampleEvent } from '../../rules/samples/sample-change.ts'

/** Options of `bingo explain`. */
export interface ExplainOptions extends GlobalOptions {
  readonly rule?: string
  readonly event?: string
  readonly json?: boolean
  readonly schema?: string
}

/** Of the value at a clause of a pattern, which may be the whole payload. */
const MOST_SHOWN = 200

/** `bingo explain`: prints; answers the exit code. */
export async function explainEvents(file: string | undefined, options: ExplainOptions): Promise<number> {
  const { rules, schemas, sagas = [] } = await chosenRules(options)
  const tables = options.schema === undefined ? undefined : readSchemaFile(options.schema)
  const colour = paint(process.stdout)
  let matches = 0
  let events = 0
  for await (const event of options.event === undefined ? eventsOf(file) : eventIn(options.event)) {
    events += 1
    const change = sampleChange(event, tables, schemas)
    const { table, op } = change
    if (!options.json) {
      const what = op === 'event' ? change.type : `${op} ${printTable(table.schema, table.name)}`
      process.stdout.write(`${colour.bold(what)} ${colour.dim(change.id)}\n`)
    }
    const explain = (of: Change): void => {
      for (const rule of rules) {
        const explanation = explainRule(rule, of)
        if (explanation.outcome === 'match') matches += 1
        process.stdout.write(
          options.json
            ? `${stringifyValue({ event: of.id, ...explanation })}\n`
            : describe(rule, explanation, sagas, colour),
        )
        const made = eventOfRow(rule, explanation, of)
        if (made === null) continue
        if (!options.json) process.stdout.write(`${colour.bold(made.type)} ${colour.dim(made.id)}\n`)
        explain(made)
      }
    }
    explain(change)
  }
  if (events === 0) throw noEvents(file)
  return matches > 0 ? ExitCode.ok : ExitCode.failed
}

/** Whoever pipes nothing in would take the exit code for an answer. */
function noEvents(file = '-'): BingoError {
  return new BingoError('BINGO_EVENT_INVALID', `${file === '-' ? 'stdin' : file} holds no event`, {
    hint: 'Give one event per line, such as: bingo tail --from earliest --limit 1 | bingo explain',
  })
}

/** The event that a row of an outbox stands for: what rules do with it matters more than what they do with the row. */
function eventOfRow(rule: Rule, { outcome, actions }: Explanation, { transaction, seq }: Change): PostedEvent | null {
  const rendered = actions[0]?.rendered
  if (outcome !== 'match' || !isOutboxRule(rule) || rendered == null || !('payload' in rendered)) return null
  return new PostedEvent(rendered.payload as EventEnvelope, transaction, seq)
}

async function chosenRules(options: ExplainOptions): Promise<Pick<RuleSet, 'rules' | 'schemas' | 'sagas'>> {
  const { ruleSet } = await rulesFor(configFor(options, 'explain'), { allowMissingSecrets: true })
  if (options.rule === undefined) return ruleSet
  const rule = ruleSet.rules.find(({ id }) => id === options.rule)
  if (rule !== undefined) return { ...ruleSet, rules: [rule] }
  throw new BingoError('BINGO_RULE_UNKNOWN', `rule "${options.rule}" does not exist or is disabled`, {
    hint: `Enabled rules: ${ruleSet.rules.map(({ id }) => id).join(', ')}.`,
  })
}

async function* eventIn(file: string): AsyncIterable<SampleEvent> {
  yield parseEvent(await readFile(file, 'utf8').catch(unreadable), file)
}

function unreadable(cause: Error): never {
  throw new BingoError('BINGO_FILE_UNREADABLE', `cannot read the events: ${cause.message}`, {
    hint: 'Check the path and its permissions.',
    cause,
  })
}

async function* eventsOf(file: string | undefined): AsyncIterable<SampleEvent> {
  const input = file === undefined || file === '-' ? process.stdin : createReadStream(file)
  let number = 0
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      number += 1
      if (line.trim() !== '') yield parseEvent(line, `line ${number}`)
    }
  } catch (cause) {
    if (cause instanceof BingoError) throw cause
    unreadable(cause as Error)
  }
}

function parseEvent(text: string, place: string): SampleEvent {
  try {
    return JSON.parse(text) as SampleEvent
  } catch (cause) {
    throw new BingoError('BINGO_EVENT_INVALID', `${place} is not JSON: ${(cause as Error).message}`, {
      hint: 'Write one event per line, as bingo tail prints them; one on several lines with --event FILE.',
      cause,
    })
  }
}

function describe(rule: Rule, explanation: Explanation, sagas: readonly SagaDefinition[], colour: Paint): string {
  const { ruleId, outcome, manual, table, operation, on, match, filter, key, delay, actions } = explanation
  const verdict = {
    match: colour.green('matches'),
    'no match': colour.dim('does not match'),
    error: colour.red('fails'),
  }
  const lines = [`  ${ruleId} ${verdict[outcome]}`]
  const add = (line: string): void => void lines.push(`    ${onOneLine(line)}`)
  const addError = ({ code, message }: Extract<Answer, { tag: 'error' }>): void =>
    void lines.push(`    ${colour.red(code)} ${onOneLine(message)}`)
  if (manual) add('manual: it runs only when it is invoked')
  if (!table.holds) add('✗ table: the rule is for other tables')
  else if (!operation.holds) add(`✗ events: the rule is for ${operation.wanted.join(', ')}`)
  if (on !== null) for (const reason of describeOn(on)) add(`✗ ${reason}`)
  for (const clause of match?.clauses ?? []) add(describeClause(clause))
  if (match?.answer.tag === 'error') addError(match.answer)
  for (const part of filter?.parts ?? []) add(describePart(part))
  if (filter?.answer.tag === 'error') addError(filter.answer)
  if (key !== null) add(`key: ${key.present}${key.previous === null ? '' : `, before: ${key.previous}`}`)
  if (delay !== null) {
    const again = delay.recheck ? ', then the filter and `when` are asked again, of the newest row' : ''
    add(`delay: waits ${writeDuration(delay.ms)}${again}`)
  }
  for (const action of actions) {
    for (const text of explainSaga(action, sagas) ?? [describeAction(rule, action)]) add(`→ ${text}`)
  }
  return `${lines.join('\n')}\n`
}

const KINDS = { row: 'changes of rows', posted: 'posted events' } as const

/** Why a rule with `on` is not for an event. */
function describeOn({ type, kind, source, test }: ExplainedOn): readonly string[] {
  if (!type.holds) return [`on: the rule is for ${type.wanted.join(', ')}, and this is ${type.is}`]
  const wanted = kind.wanted.map((each) => KINDS[each]).join(' and ')
  return [
    ...(kind.holds ? [] : [`the rule reads what only ${wanted} have`]),
    ...(source.holds ? [] : [`source: the rule is for ${source.wanted?.join(', ')}, and this is from ${source.is}`]),
    ...(test.holds
      ? []
      : [`test: ${test.wanted}, and the event is ${test.wanted === 'only' ? 'not a test' : 'a test'}`]),
  ]
}

function describeClause({ path, source, holds, value }: ExplainedClause): string {
  const shown = value === undefined ? '(missing)' : stringifyValue(value)
  return `${holds ? '✓' : '✗'} match ${path}: ${source}   is ${shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown}`
}

function describePart({ source, answer, values }: ExplainedPart): string {
  const mark = answer.tag === 'value' && answer.value ? '✓' : '✗'
  const shown = values.map(({ name, value }) => `${name} = ${value === undefined ? '(absent)' : stringifyValue(value)}`)
  return `${mark} ${source}${shown.length === 0 ? '' : `   ${shown.join(', ')}`}${errorOf(answer)}`
}

function describeAction({ actions }: Rule, { index, type, target, when, rendered }: ExplainedAction): string {
  const place = target === type || target.startsWith(`${type} `) ? target : `${type} ${target}`
  if (rendered === null) return `${place}: skipped, its \`when\` is false${when === null ? '' : errorOf(when)}`
  if ('payload' in rendered) {
    const plan = actions.find((each) => each.index === index)!
    return `${place}: ${stringifyValue(shownPayload(plan, rendered.payload))}`
  }
  return `${place}: ${rendered.code} ${rendered.message}`
}

function errorOf(answer: Answer): string {
  return answer.tag === 'error' ? `   ${answer.code} ${answer.message}` : ''
}
