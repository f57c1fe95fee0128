import type { TableDef } from '../../../model/table/table.ts'
import type { CelNode } from './cel-engine.ts'
import { columnIn } from './values/cel-types.ts'

/** Columns (`new.age`) that are certainly not NULL where an expression is evaluated; `op` where it was asked for. */
export type Facts = ReadonlySet<string>

export const NO_FACTS: Facts = new Set()

/**
 * What is known when an expression has this answer. Only operators that NULL is fine for count: `new.a > 1 && new.a < 5`
 * fails on a NULL on both sides, and neither guards the other.
 */
export function factsWhen(node: CelNode, answer: boolean, table: TableDef): Facts {
  switch (node.op) {
    case '!_':
      return factsWhen(node.args, !answer, table)
    case '&&':
    case '||':
      if ((node.op === '&&') !== answer) return NO_FACTS
      return union(factsWhen(node.args[0], answer, table), factsWhen(node.args[1], answer, table))
    case '==':
      return answer ? equal(node.args, table, false) : equal(node.args, table, true)
    case '!=':
      return answer ? equal(node.args, table, true) : equal(node.args, table, false)
    case 'in':
      return answer && node.args[1].op === 'list' ? named(node.args[0], table) : NO_FACTS
    default:
      return NO_FACTS
  }
}

export function union(one: Facts, other: Facts): Facts {
  return other.size === 0 ? one : new Set([...one, ...other])
}

/** `differs`: the two sides are known to differ, which tells something where one is null. */
function equal([left, right]: readonly [CelNode, CelNode], table: TableDef, differs: boolean): Facts {
  const facts = new Set<string>()
  for (const [side, other] of [
    [left, right],
    [right, left],
  ] as const) {
    if (side.op === 'id' && side.args === 'op') facts.add('op')
    if (other.op === 'value' && (other.args === null) === differs)
      for (const name of named(side, table)) facts.add(name)
  }
  return facts
}

function named(node: CelNode, table: TableDef): Facts {
  if (node.op === 'id' && node.args === 'op') return new Set(['op'])
  const found = columnIn(node, table)
  return found === undefined ? NO_FACTS : new Set([found.text])
}
