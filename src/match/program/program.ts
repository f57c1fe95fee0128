import type { RowsBlock } from '../../model/source/binlog-stream.ts'
import { ImageChange } from '../../model/event/bytes/image-change.ts'
import type { RowImages } from '../../model/event/bytes/image-change.ts'
import { Change, NO_TRANSACTION, withFacts } from '../../model/event/change.ts'
import type { Transaction } from '../../model/event/change.ts'
import type { Row } from '../../model/event/row.ts'
import type { EvaluationError } from '../../model/errors.ts'
import { conditionOf } from '../../model/rule/condition.ts'
import type { Rule } from '../../model/rule/rule.ts'
import type { Predicate } from '../../model/rule/expression.ts'
import type { TableDef } from '../../model/table/table.ts'
import { asEvaluationError, bindActions, bindOrFail, prepareRule } from './bound-rule.ts'
import type { BoundAction, BoundRule } from './bound-rule.ts'
import { Gathering } from './gathering.ts'
import type { MatchFailure, MatchSink, RowGatherer } from './match-sink.ts'
import type { BlockShape, CompileRowDecoder, CompileRowImages, RowDecoder } from './row-decoder.ts'
import { boundOfBytes, selections, writesImages } from './row-selection.ts'
import { actOn, firing } from '../change-program.ts'
import { RuleIndex } from '../rule-index.ts'

/**
 * The rules of one table and one shape of rows event, compiled: decodes the columns that they read, evaluates filters,
 * renders payloads. Rows that no rule matches cost their decoding and the filters, and leave nothing behind.
 */
export class TableProgram {
  private readonly table: TableDef
  private readonly rules: readonly BoundRule[]
  private readonly index: RuleIndex
  /** Bound when first asked for: of a thousand rules most are never candidates. */
  private readonly filters: ((change: Change) => boolean)[] = []
  private readonly predicates: readonly Predicate[]
  private readonly decode: RowDecoder
  /** The first pass decodes a few columns only; matches of rules that need the whole row, and failures, decode again. */
  private readonly partial: boolean
  /** Upper bound of what the columns of the first pass hold per row; Infinity when one of them can be long. */
  private readonly partialBytes: number
  private readonly compileWhole: () => RowDecoder
  /** Null: no rule writes from the row's image. */
  private readonly images: RowImages | null
  private decodeWhole: RowDecoder | null = null
  private readonly answers: Uint8Array
  private readonly errors: (EvaluationError | null)[]
  /** The block of the row that a rule fires for, when its change holds some columns only; and where it stands there. */
  private partialOf: RowsBlock | null = null
  private rowStart = 0
  private rowEnd = 0
  private readonly gathering: Gathering
  private readonly scratch: { -readonly [K in keyof Change]: Change[K] }

  constructor(
    table: TableDef,
    shape: BlockShape,
    rules: readonly Rule[],
    compile: CompileRowDecoder,
    compileImages?: CompileRowImages,
  ) {
    this.table = table
    this.images = rules.some(writesImages) ? (compileImages?.(table, shape) ?? null) : null
    const hasImages = this.images !== null
    const filters = new Map<string, number>()
    const predicates: Predicate[] = []
    this.rules = rules.map((rule) => prepareRule(rule, table, hasImages, filters, predicates))
    this.predicates = predicates
    this.index = new RuleIndex(rules.map(conditionOf))
    const first = selections(table, rules, hasImages)
    this.decode = compile(table, shape, first)
    this.partial = first.old !== 'all' || first.new !== 'all'
    this.partialBytes = this.partial ? boundOfBytes(table, first.old) + boundOfBytes(table, first.new) : Infinity
    this.compileWhole = () => compile(table, shape, { old: 'all', new: 'all' })
    this.gathering = new Gathering(table, shape.op, this.images, this.decode)
    this.answers = new Uint8Array(predicates.length)
    this.errors = predicates.map(() => null)
    this.scratch = new Change(table, shape.op, NO_TRANSACTION, 0, null, null, null) as never
  }

  /** Answers the number of rows in the block. Rows with an ordinal up to `skipUpTo` were handled before. */
  run(block: RowsBlock, transaction: Transaction, skipUpTo: number, sink: MatchSink): number {
    let seq = block.firstSeq
    const query = transaction.query
    return this.decode(block.buffer, block.start, block.end, (old, new_, start, end) => {
      if (seq > skipUpTo) this.row(old, new_, seq, query, transaction, block, start, end, sink)
      seq += 1
    })
  }

  private row(
    old: Row | null,
    new_: Row | null,
    seq: number,
    query: string | null,
    transaction: Transaction,
    block: RowsBlock,
    start: number,
    end: number,
    sink: MatchSink,
  ): void {
    const { scratch, answers } = this
    scratch.old = old
    scratch.new = new_
    scratch.seq = seq
    scratch.transaction = transaction
    scratch.query = query
    let change: Change | null = null
    let whole: Change | null = null
    let imaged: ImageChange | null = null
    answers.fill(UNKNOWN)
    for (const number of this.index.candidates(old, new_)) {
      const rule = this.rules[number]!
      const answer = rule.filterId < 0 ? TRUE : this.answer(rule.filterId)
      if (answer === FALSE) continue
      if (answer === TRUE && this.gathererOf(rule, sink) !== null) {
        const heldBytes = this.heldBytes(rule, start, end)
        if (this.gathering.add(rule, scratch, block, start, end, heldBytes, sink)) continue
      }
      if ((rule.whole || answer === ERROR) && this.partial) {
        whole ??= this.wholeChange(block, start, end, seq, query, transaction)
        this.fire(rule, whole, answer, WHOLE_ROW_FACTOR * (end - start), sink)
      } else {
        if (this.partial) {
          this.partialOf = block
          this.rowStart = start
          this.rowEnd = end
        }
        if (rule.writesImages) {
          imaged ??= this.imageChange(block, start, end, seq, query, transaction, old, new_)
          this.fire(rule, imaged, answer, this.heldBytes(rule, start, end), sink)
        } else {
          change ??= new Change(this.table, block.op, transaction, seq, old, new_, query)
          this.fire(rule, change, answer, this.heldBytes(rule, start, end), sink)
        }
        this.partialOf = null
      }
    }
    imaged?.settle()
  }

  /** Null: what the rule sends is handed over event by event. */
  private gathererOf(rule: BoundRule, sink: MatchSink): RowGatherer | null {
    if (rule.gathererOf !== sink) {
      const action = rule.whole && this.partial ? undefined : rule.rule.actions[0]
      rule.gatherer = (action && sink.gatherer?.(action, this.gathering.changeOf(rule))) ?? null
      rule.gathererOf = sink
    }
    return rule.gatherer
  }

  private heldBytes({ writesImages: fromImages }: BoundRule, start: number, end: number): number {
    const bytes = WHOLE_ROW_FACTOR * (end - start)
    return fromImages ? bytes : Math.min(bytes, this.partialBytes)
  }

  private imageChange(
    { op, buffer }: RowsBlock,
    start: number,
    end: number,
    seq: number,
    query: string | null,
    transaction: Transaction,
    old: Row | null,
    new_: Row | null,
  ): ImageChange {
    return new ImageChange(this.table, op, transaction, seq, old, new_, query, this.images!, buffer, start, end)
  }

  private wholeChange(
    block: RowsBlock,
    start: number,
    end: number,
    seq: number,
    query: string | null,
    transaction: Transaction,
  ): Change {
    let change: Change | null = null
    this.decodeWhole ??= this.compileWhole()
    this.decodeWhole(block.buffer, start, end, (old, new_) => {
      change = new Change(this.table, block.op, transaction, seq, old, new_, query)
    })
    return change!
  }

  private answer(filterId: number): number {
    const known = this.answers[filterId]!
    if (known !== UNKNOWN) return known
    let answer: number
    const filter = (this.filters[filterId] ??= bindOrFail(() => this.predicates[filterId]!.bind(this.table)))
    try {
      answer = filter(this.scratch) ? TRUE : FALSE
    } catch (error) {
      answer = ERROR
      this.errors[filterId] = asEvaluationError(error)
    }
    this.answers[filterId] = answer
    return answer
  }

  private fire(rule: BoundRule, change: Change, answer: number, heldBytes: number, sink: MatchSink): void {
    const { cancels, renews } = rule.rule
    if (renews !== undefined) {
      sink.newer(renews, change, heldBytes)
      return
    }
    if (cancels !== undefined) {
      sink.cancelled(cancels, change, answer === ERROR ? this.errors[rule.filterId]! : null)
      return
    }
    if (answer === ERROR) {
      const error = this.errors[rule.filterId]!
      for (const action of rule.rule.actions) sink.failed(action, change, { stage: 'filter', error }, heldBytes)
      return
    }
    sink.ruleMatched(rule.rule, change)
    const acted = firing(rule.rule, change, heldBytes, sink)
    if (acted === null) return
    rule.actions ??= bindActions(rule.rule, this.table)
    for (const action of rule.actions) {
      const failure = actOn(action, acted, heldBytes, sink)
      if (failure !== null) this.actFailed(action, acted, failure, heldBytes, sink)
    }
  }

  /** A repaired action may read other columns: what failed keeps the whole row. */
  private actFailed(
    { plan }: BoundAction,
    change: Change,
    failure: MatchFailure,
    heldBytes: number,
    sink: MatchSink,
  ): void {
    const block = this.partialOf
    if (block === null) {
      sink.failed(plan, change, failure, heldBytes)
      return
    }
    const { transaction, seq, query } = change
    const read = this.wholeChange(block, this.rowStart, this.rowEnd, seq, query, transaction)
    const whole = change.facts === null ? read : withFacts(read, change.facts)
    sink.failed(plan, whole, failure, WHOLE_ROW_FACTOR * (this.rowEnd - this.rowStart))
  }
}

/** Decoded values take several times the bytes of a row image: objects, strings, boxed numbers. */
const WHOLE_ROW_FACTOR = 4

const UNKNOWN = 0
const TRUE = 1
const FALSE = 2
const ERROR = 3
