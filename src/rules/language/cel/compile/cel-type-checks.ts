import type { Operation } from '../../../../model/event/row.ts'
import { nearestName } from '../../../../model/nearest-name.ts'
import type { TableDef } from '../../../../model/table/table.ts'
import { childrenOf, isComprehension } from '../cel-engine.ts'
import type { CelNode } from '../cel-engine.ts'
import { factsWhen, union } from '../cel-facts.ts'
import type { Facts } from '../cel-facts.ts'
import {
  columnIn,
  comparable,
  describeOperand,
  fixFor,
  isDecimalArithmetic,
  NUMBERS,
  typeOf,
  WORDS,
  whyNull,
} from '../values/cel-types.ts'
import type { CelType } from '../values/cel-types.ts'

/** What the types of a table's columns tell of an expression before any row is read. */
export interface TypeFinding {
  /** `error`: it fails for every row that comes to it. `warning`: it never (or always) holds, or fails for some rows. */
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly hint: string
  /** In the text. */
  readonly offset: number
}

/** Checks an expression against a table. `facts`: what is known when it is evaluated (a `when` comes after the filter). */
export function checkTypes(
  ast: CelNode,
  table: TableDef,
  operations: ReadonlySet<Operation>,
  facts: Facts,
): readonly TypeFinding[] {
  const checker = new TypeChecker(table, operations)
  checker.condition(ast, facts)
  checker.walk(ast, facts)
  return checker.findings
}

const ORDER: ReadonlySet<string> = new Set(['<', '<=', '>', '>='])
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%'])
const TEXT_METHODS: ReadonlySet<string> = new Set([
  'startsWith',
  'endsWith',
  'contains',
  're2Matches',
  'lowerAscii',
  'upperAscii',
  'trim',
  'split',
  'indexOf',
  'lastIndexOf',
  'substring',
  'replace',
  'charAt',
])
/** What NULL cannot be given to. */
const CONVERSIONS = /^(decimal|to_(int|uint|double|string|timestamp|duration))$/

class TypeChecker {
  readonly findings: TypeFinding[] = []
  private readonly table: TableDef
  private readonly operations: ReadonlySet<Operation>

  constructor(table: TableDef, operations: ReadonlySet<Operation>) {
    this.table = table
    this.operations = operations
  }

  walk(node: CelNode, facts: Facts): void {
    // Inside, names may stand for items.
    if (isComprehension(node)) return
    switch (node.op) {
      case '&&':
      case '||': {
        const [left, right] = node.args
        const answer = node.op === '&&'
        this.condition(left, facts)
        this.condition(right, facts)
        this.walk(left, union(facts, factsWhen(right, answer, this.table)))
        this.walk(right, union(facts, factsWhen(left, answer, this.table)))
        return
      }
      case '?:': {
        const [condition, yes, no] = node.args
        this.condition(condition, facts)
        this.walk(condition, facts)
        this.walk(yes, union(facts, factsWhen(condition, true, this.table)))
        this.walk(no, union(facts, factsWhen(condition, false, this.table)))
        return
      }
      case '!_':
        this.condition(node.args, facts)
        break
      case '==':
      case '!=':
        this.equality(node.op, node.args)
        break
      case 'in':
        this.membership(node.args)
        break
      case 'call':
      case 'rcall':
        this.call(node, facts)
        break
      default:
        if (ORDER.has(node.op) || ARITHMETIC.has(node.op)) this.operator(node, facts)
    }
    for (const child of childrenOf(node)) this.walk(child, facts)
  }

  /** What must be true or false. */
  condition(node: CelNode, facts: Facts): void {
    const found = columnIn(node, this.table)
    if (found === undefined) return
    const type = typeOf(node, this.table)
    if (type === 'dyn' || type === 'bool') return
    const hint = NUMBERS.has(type) ? `write ${found.text} == 1` : 'compare it with a value'
    this.add('error', node, `${describeOperand(node, this.table)}, not true or false`, hint)
    this.nullable(node, facts)
  }

  private equality(op: '==' | '!=', [left, right]: readonly [CelNode, CelNode]): void {
    const [leftType, rightType] = [typeOf(left, this.table), typeOf(right, this.table)]
    if (leftType === 'null' || rightType === 'null') return
    const answer = op === '==' ? 'never equals' : 'always differs from'
    if (!comparable(leftType, rightType)) this.mismatch('warning', left, right, answer)
    else {
      this.value(left, right, answer)
      this.value(right, left, answer)
    }
  }

  /** Of an ENUM, a constant that it does not have. */
  private value(side: CelNode, other: CelNode, answer: string): void {
    const found = columnIn(side, this.table)
    const values = found?.column.values
    if (found === undefined || values === undefined || other.op !== 'value' || typeof other.args !== 'string') return
    if (values.includes(other.args)) return
    const nearest = nearestName(other.args, values)
    const hint = nearest === undefined ? `write one of: ${values.join(', ')}` : `did you mean '${nearest}'?`
    this.add('warning', other, `${found.text} ${answer} '${other.args}', which is not one of its values`, hint)
  }

  private membership([value, container]: readonly [CelNode, CelNode]): void {
    if (container.op === 'list') {
      for (const item of container.args) {
        const [one, other] = [typeOf(value, this.table), typeOf(item, this.table)]
        if (one === 'null' || other === 'null') continue
        if (!comparable(one, other)) this.mismatch('warning', value, item, 'never equals')
        else this.value(value, item, 'never equals')
      }
      return
    }
    if (columnIn(container, this.table)?.column.values !== undefined) this.value(container, value, 'never holds')
  }

  private operator(node: CelNode, facts: Facts): void {
    const [left, right] = childrenOf(node)
    if (left === undefined || right === undefined) return
    const types: readonly [CelType, CelType] = [typeOf(left, this.table), typeOf(right, this.table)]
    const isTime = types.some((type) => type === 'timestamp' || type === 'duration')
    // Between times the engine's own checker knows more.
    const fits = ORDER.has(node.op)
      ? comparable(...types)
      : types.includes('dyn') ||
        types[0] === types[1] ||
        isDecimalArithmetic(types) ||
        (isTime && !types.includes('string'))
    if (!fits)
      this.mismatch('error', left, right, ORDER.has(node.op) ? 'cannot be compared with' : `has no ${node.op} with`)
    else for (const side of [left, right]) this.nullable(side, facts)
  }

  private call(node: CelNode & { op: 'call' | 'rcall' }, facts: Facts): void {
    const name = node.args[0]
    const args = childrenOf(node)
    if (CONVERSIONS.test(name)) {
      for (const arg of args) this.nullable(arg, facts)
      return
    }
    if (!TEXT_METHODS.has(name)) return
    for (const [index, arg] of args.entries()) {
      const type = typeOf(arg, this.table)
      const found = columnIn(arg, this.table)
      if (found === undefined) continue
      if (type === 'string' || type === 'dyn') this.nullable(arg, facts)
      else if (index === 0) {
        const written = name === 're2Matches' ? 'matches' : name
        const hint = type === 'list' ? `test membership: … in ${found.text}` : `string(${found.text}).${written}(…)`
        this.add('error', arg, `${describeOperand(arg, this.table)}, and has no ${written}()`, hint)
      }
    }
  }

  private nullable(node: CelNode, facts: Facts): void {
    const found = columnIn(node, this.table)
    if (found === undefined || facts.has(found.text)) return
    const reason = whyNull(found, this.operations)
    if (reason === undefined || (!found.column.nullable && facts.has('op'))) return
    const message = `${reason}: evaluation then fails and the event moves to the dead letters`
    this.add('warning', node, message, `test for it first: ${found.text} != null && …`)
  }

  private mismatch(severity: TypeFinding['severity'], left: CelNode, right: CelNode, answer: string): void {
    const { table } = this
    const column = columnIn(left, table) ?? columnIn(right, table)
    const [side, other] = columnIn(left, table) === undefined ? [right, left] : [left, right]
    const hint = column === undefined ? 'compare values of the same type' : fixFor(column, other, table)
    const otherText = columnIn(other, table) === undefined ? WORDS[typeOf(other, table)] : describeOperand(other, table)
    this.add(severity, side, `${describeOperand(side, table)}, and ${answer} ${otherText}`, hint)
  }

  private add(severity: TypeFinding['severity'], { start }: CelNode, message: string, hint: string): void {
    if (this.findings.some((each) => each.offset === start && each.message === message)) return
    this.findings.push({ severity, message, hint, offset: start })
  }
}
