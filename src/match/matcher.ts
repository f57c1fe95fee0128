import type { RowsBlock } from '../model/source/binlog-stream.ts'
import type { Change } from '../model/event/change.ts'
import type { Operation, RowOp } from '../model/event/row.ts'
import { invokedRule } from '../model/event/posted/invocation.ts'
import type { PostedEvent } from '../model/event/posted/posted-event.ts'
import { isOutboxRule, rulesOfRows, type OutboxOptions } from '../model/rule/outbox-rule.ts'
import type { CancelOn, Rule } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import type { TableDef } from '../model/table/table.ts'
import { ChangeProgram } from './change-program.ts'
import type { EventProgram } from './event-program.ts'
import { EventPrograms } from './event-programs.ts'
import { TableProgram } from './program/program.ts'
import type { CompileRowDecoder, CompileRowImages } from './program/row-decoder.ts'

/** Programs of one table: by operation, then by the identity of the column sets present in the images. */
interface TablePrograms {
  readonly rules: readonly Rule[]
  readonly insert: ShapedPrograms
  readonly update: ShapedPrograms
  readonly delete: ShapedPrograms
}

interface ShapedPrograms {
  readonly rules: readonly Rule[]
  readonly programs: {
    readonly key: Pick<RowsBlock, 'presentOld' | 'presentNew' | 'partialJson'>
    readonly program: TableProgram
  }[]
  /** For changes that come as values; made when the first one does. */
  changes: ChangeProgram | null
}

/** Programs kept per table and operation; with MINIMAL images there is one per set of columns that an UPDATE names. */
const MOST_PROGRAMS = 512

/** Finds the program for a rows event. Everything is compiled once per table shape and set of rules. */
export class Matcher {
  private readonly rules: readonly Rule[]
  private readonly compile: CompileRowDecoder
  private readonly compileImages: CompileRowImages | undefined
  private readonly onTable: (table: TableDef) => void
  private readonly tables = new WeakMap<TableDef, TablePrograms>()
  private readonly events: EventPrograms

  /** `onTable` is told of each table, once per shape. */
  constructor(
    ruleSet: RuleSet,
    compile: CompileRowDecoder,
    onTable: (table: TableDef) => void = () => undefined,
    compileImages?: CompileRowImages,
  ) {
    this.rules = ruleSet.rules.filter((rule) => !rule.manual)
    this.events = new EventPrograms(this.rules, ruleSet.rules)
    this.compile = compile
    this.compileImages = compileImages
    this.onTable = onTable
  }

  wants(table: TableDef): boolean {
    const { insert, update, delete: delete_ } = this.of(table)
    return insert.rules.length + update.rules.length + delete_.rules.length > 0
  }

  /** What is said of the outbox, where rows of the table become events that are matched in their place. */
  outboxOf(table: TableDef): OutboxOptions | null {
    const rule = this.of(table).rules.find(isOutboxRule)
    return (rule?.actions[0]?.options ?? null) as OutboxOptions | null
  }

  /** Rules that listen to TRUNCATE or DDL of this table; `table` empty when the statement's tables are not known. */
  statementRules(kind: 'truncate' | 'ddl', schema: string, table: string): readonly Rule[] {
    return this.rules.flatMap((rule) => {
      const own = rule.listensTo(kind, schema, table) ? [rule] : []
      // A TRUNCATE ends what waits for the rows.
      const renews = kind === 'truncate' && Boolean(rule.recheck) && rule.matchesTable(schema, table)
      return renews ? [renewingRule(rule), ...own] : own
    })
  }

  /** Rules that listen to gaps, which concern no table. */
  gapRules(): readonly Rule[] {
    return this.rules.filter((rule) => rule.operations.has('gap'))
  }

  /** The rules of a posted event; null when it has none. */
  eventProgram({ envelope }: PostedEvent): EventProgram | null {
    const invoked = invokedRule(envelope)
    return invoked === undefined ? this.events.of(envelope.type) : this.events.invoking(invoked)
  }

  /** The program for a row that came as values, not as an image; null when no rule listens to its operation. */
  changeProgram({ table, op }: Change): ChangeProgram | null {
    if (op === 'gap') return new ChangeProgram(table, this.gapRules())
    if (op !== 'insert' && op !== 'update' && op !== 'delete') return null
    const shaped = this.of(table)[op]
    if (shaped.rules.length === 0) return null
    return (shaped.changes ??= new ChangeProgram(table, shaped.rules))
  }

  /** The program for this block, or null when no rule listens to its operation. */
  program(block: RowsBlock): TableProgram | null {
    const shaped = this.of(block.table)[block.op]
    if (shaped.rules.length === 0) return null
    for (const { key, program } of shaped.programs) {
      if (
        key.presentOld === block.presentOld &&
        key.presentNew === block.presentNew &&
        key.partialJson === block.partialJson
      ) {
        return program
      }
    }
    const { presentOld, presentNew, partialJson } = block
    const program = new TableProgram(
      block.table,
      { op: block.op, presentOld, presentNew, partialJson },
      shaped.rules,
      this.compile,
      this.compileImages,
    )
    if (shaped.programs.length >= MOST_PROGRAMS) shaped.programs.length = 0
    shaped.programs.push({ key: { presentOld, presentNew, partialJson }, program })
    return program
  }

  private of(table: TableDef): TablePrograms {
    let programs = this.tables.get(table)
    if (programs === undefined) {
      const rules = rulesOfRows(this.rules.filter((rule) => rule.matchesTable(table.schema, table.name)))
      const forOp = (op: RowOp): ShapedPrograms => ({
        rules: rules.flatMap((rule) => forOperation(rule, op, table)),
        programs: [],
        changes: null,
      })
      programs = { rules, insert: forOp('insert'), update: forOp('update'), delete: forOp('delete') }
      this.tables.set(table, programs)
      this.onTable(table)
    }
    return programs
  }
}

/** The rule, and before it what cancels what it did earlier: an event that does both cancels the ones before itself. */
function forOperation(rule: Rule, op: RowOp, { schema, name }: TableDef): readonly Rule[] {
  const own = rule.listensTo(op, schema, name) ? [rule] : []
  const renews = rule.recheck ? [renewingRule(rule)] : []
  if (!rule.cancelOn || !rule.cancelOn.operations.has(op)) return [...renews, ...own]
  return [...renews, cancelRule(rule, rule.cancelOn), ...own]
}

/** What a rule does that stands for something else of one. */
const NOTHING = { actions: [], lookups: [], threshold: null, cancelOn: null, recheck: null, debounce: null, delayMs: 0 }
const renewingRules = new WeakMap<Rule, Rule>()

function renewingRule(rule: Rule): Rule {
  let renews = renewingRules.get(rule)
  if (renews === undefined) {
    renews = { ...rule, ...NOTHING, operations: RENEWING, match: null, filter: null, renews: rule }
    renewingRules.set(rule, renews)
  }
  return renews
}

const RENEWING: ReadonlySet<Operation> = new Set(['insert', 'update', 'delete', 'truncate'])

const cancelRules = new WeakMap<CancelOn, Rule>()

function cancelRule(rule: Rule, cancelOn: CancelOn): Rule {
  let cancels = cancelRules.get(cancelOn)
  if (cancels === undefined) {
    const { operations, match, filter } = cancelOn
    cancels = { ...rule, ...NOTHING, operations, match, filter, cancels: rule }
    cancelRules.set(cancelOn, cancels)
  }
  return cancels
}
