import type { Row } from './row.ts'

/** Makes rows of one fixed shape, values in the order of the names. */
export interface RowClass {
  new (...values: unknown[]): Row
  /** The row of no columns, which needs no memory. */
  readonly empty: Row
}

const classes = new Map<string, RowClass>()
/** Shapes kept; a source that alters tables without end must not fill the memory. Losing one costs a compilation. */
const MOST_CLASSES = 1000

/**
 * A class whose objects have these properties and nothing else: their prototype has no prototype itself, so a column
 * may be called `constructor` or `__proto__`. The same names give the same class: code that reads rows of both images
 * sees one hidden class.
 */
export function rowClass(names: readonly string[]): RowClass {
  const key = JSON.stringify(names)
  let known = classes.get(key)
  if (known === undefined) {
    if (classes.size >= MOST_CLASSES) classes.clear()
    known = compileClass(names)
    classes.set(key, known)
  }
  return known
}

function compileClass(names: readonly string[]): RowClass {
  const parameters = names.map((_, i) => `v${i}`)
  // JSON string literals are JavaScript string literals: a name cannot become code.
  const assignments = names.map((name, i) => `this[${JSON.stringify(name)}]=v${i};`)
  // oxlint-disable-next-line typescript/no-implied-eval
  const row = new Function(...parameters, assignments.join('')) as unknown as { prototype: object; empty: Row }
  row.prototype = Object.freeze(Object.create(null) as object)
  row.empty = Object.freeze(Object.create(row.prototype) as Row)
  return row as unknown as RowClass
}
