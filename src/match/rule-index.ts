import type { Row, Value } from '../model/event/row.ts'
import type { Predicate } from '../model/rule/expression.ts'

type Literal = string | number | bigint | boolean

/** One column that many filters compare with a constant: value → rules that can still match, plus all others. */
interface ValueIndex {
  readonly image: 'new' | 'old'
  readonly column: string
  readonly byValue: ReadonlyMap<Literal, readonly number[]>
}

/** An index pays from this many rules on one column. */
const WORTH_INDEXING = 4

/**
 * Narrows down which rules have to be evaluated for a row. A filter with a conjunct `column == constant` can only be true
 * for rows with that value (`false && error` is false in CEL, so nothing is hidden by leaving it out); such rules are
 * looked up by value. A thousand rules of one table then cost about as much as those that can match.
 */
export class RuleIndex {
  private readonly always: readonly number[]
  private readonly indexes: readonly ValueIndex[]
  private readonly all: readonly number[]

  constructor(filters: readonly (Predicate | null)[]) {
    this.all = filters.map((_, rule) => rule)
    const rest = new Set(this.all)
    const indexes: ValueIndex[] = []
    for (let best = bestColumn(filters, rest); best !== null; best = bestColumn(filters, rest)) {
      indexes.push(buildIndex(filters, rest, best))
    }
    this.always = [...rest]
    this.indexes = indexes.length === 1 ? [mergeAlways(indexes[0]!, this.always)] : indexes
  }

  /** Numbers of the rules to evaluate, ascending. */
  candidates(old: Row | null, new_: Row | null): readonly number[] {
    const { indexes } = this
    if (indexes.length === 0) return this.all
    if (indexes.length === 1) {
      const hit = lookUp(indexes[0]!, old, new_)
      return hit === 'unknown' ? this.all : (hit ?? this.always)
    }
    const found = [...this.always]
    for (const index of indexes) {
      const hit = lookUp(index, old, new_)
      if (hit === 'unknown') return this.all
      if (hit !== undefined) found.push(...hit)
    }
    return found.sort((a, b) => a - b)
  }
}

function lookUp(index: ValueIndex, old: Row | null, new_: Row | null): readonly number[] | undefined | 'unknown' {
  const row = index.image === 'new' ? new_ : old
  const value: Value = row === null ? null : row[index.column]
  // Absent from the image: the filters themselves say what is wrong. A structure equals no literal.
  if (value === undefined) return 'unknown'
  return value === null || typeof value === 'object' ? undefined : index.byValue.get(value)
}

interface Column {
  readonly image: 'new' | 'old'
  readonly column: string
}

function bestColumn(filters: readonly (Predicate | null)[], among: ReadonlySet<number>): Column | null {
  const counts = new Map<string, { column: Column; count: number }>()
  for (const rule of among) {
    const seen = new Set<string>()
    for (const { image, column } of filters[rule]?.necessary ?? []) {
      const name = `${image}.${column}`
      if (seen.has(name)) continue
      seen.add(name)
      const entry = counts.get(name) ?? { column: { image, column }, count: 0 }
      entry.count += 1
      counts.set(name, entry)
    }
  }
  let best: { column: Column; count: number } | null = null
  for (const entry of counts.values()) if (best === null || entry.count > best.count) best = entry
  return best !== null && best.count >= WORTH_INDEXING ? best.column : null
}

function buildIndex(filters: readonly (Predicate | null)[], rest: Set<number>, { image, column }: Column): ValueIndex {
  const byValue = new Map<Literal, number[]>()
  for (const rule of rest) {
    const comparison = filters[rule]?.necessary.find((each) => each.image === image && each.column === column)
    if (comparison === undefined) continue
    rest.delete(rule)
    for (const value of new Set(comparison.values.map(canonical))) {
      const rules = byValue.get(value)
      if (rules) rules.push(rule)
      else byValue.set(value, [rule])
    }
  }
  return { image, column, byValue }
}

function mergeAlways(index: ValueIndex, always: readonly number[]): ValueIndex {
  const byValue = new Map<Literal, readonly number[]>()
  for (const [value, rules] of index.byValue)
    byValue.set(
      value,
      [...rules, ...always].sort((a, b) => a - b),
    )
  return { ...index, byValue }
}

/** Decoded integers are numbers while exact; constants must look the same. */
function canonical(value: Literal): Literal {
  return typeof value === 'bigint' && BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))
    ? Number(value)
    : value
}
