import { columnChanged } from '../../../../model/event/changed-columns.ts'
import { isMatchesCall } from '../cel-engine.ts'
import type { CelNode } from '../cel-engine.ts'
import { checkText } from './cel-compile-operators.ts'
import { columnAccess, imageOf } from './cel-references.ts'
import { Unsupported } from '../../code-writer.ts'
import type { CodeWriter, Operand, OperandType } from '../../code-writer.ts'
import { compileRe2 } from '../values/re2.ts'
import { columnsOf } from '../../table-columns.ts'

/** What calls need of the compiler. */
interface Compiler {
  readonly writer: CodeWriter
  operand(node: CelNode): Operand
}

/** Constants up to this many are compared one after the other, more are looked up. */
const MAX_COMPARED = 6

/** `value in [constants]`, `'column' in changed`, `'column' in new`. */
export function compileMembership(compiler: Compiler, [value, container]: readonly [CelNode, CelNode]): string {
  const image = imageOf(container)
  if (image !== undefined) {
    if (value.op !== 'value' || typeof value.args !== 'string') throw new Unsupported()
    if (image === 'changed') return changed(compiler.writer, value.args)
    return present(compiler.writer, image, value.args)
  }
  if (container.op !== 'list') throw new Unsupported()
  const tested = compiler.operand(value)
  if (tested.type === 'structure') throw new Unsupported()
  const constants = container.args.map((item) => {
    if (item.op !== 'value' && item.op !== '-_') throw new Unsupported()
    return constantOf(item)
  })
  return oneOf(compiler.writer, tested, constants)
}

type Constant = string | number | bigint | boolean | null

function constantOf(node: CelNode): Constant {
  if (node.op === '-_') {
    const value = constantOf(node.args)
    if (typeof value !== 'number') throw new Unsupported()
    return -value
  }
  const { args } = node
  if (typeof args === 'bigint') return Number.isSafeInteger(Number(args)) ? Number(args) : args
  if (args === null || typeof args === 'string' || typeof args === 'number' || typeof args === 'boolean') return args
  throw new Unsupported()
}

function oneOf(writer: CodeWriter, tested: Operand, constants: readonly Constant[]): string {
  // Beyond 2^53 a double and an int can be equal that are not the same JS value.
  const plain = constants.every((each) => typeof each !== 'bigint' && !isHuge(each))
  if (!plain) throw new Unsupported()
  if (constants.length > MAX_COMPARED) {
    return writer.temporary(`${writer.constant(new Set(constants))}.has(${tested.code})`)
  }
  const comparisons = constants.map((each) => `${tested.code} === ${writer.constant(each)}`)
  return writer.temporary(comparisons.length === 0 ? 'false' : comparisons.join(' || '))
}

function isHuge(value: Constant): boolean {
  return typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER
}

/** As `columnChanged` has it, which is asked itself for values that are not scalars. */
function changed(writer: CodeWriter, column: string): string {
  const after = writer.load('new', column)
  if (after.type === 'structure') {
    const name = writer.constant(columnsOf(writer.table).find(column)!.name)
    return writer.temporary(`${writer.constant(columnChanged)}(${name}, o, n)`)
  }
  const before = writer.load('old', column)
  const { code } = after
  return writer.temporary(
    `${code} !== undefined && ${before.code} !== ${code} && (${before.code} !== undefined || n !== null)`,
  )
}

/** Whether the table has the column and the row image holds it. */
function present(writer: CodeWriter, image: 'new' | 'old' | 'key', column: string): string {
  const columns = columnsOf(writer.table)
  const known = image === 'key' ? columns.findKey(column) : columns.find(column)
  if (known === undefined) {
    if (image === 'key') throw new Unsupported()
    return writer.temporary('false')
  }
  return writer.temporary(`${writer.load(image, column).code} !== undefined`)
}

/** Calls with the receiver, if any, as first argument. */
export function compileCall(compiler: Compiler, name: string, args: readonly CelNode[]): Operand {
  const [first, second] = args
  if (name === 'has' && args.length === 1) {
    const access = columnAccess(first!)
    if (access === undefined) throw new Unsupported()
    return result(present(compiler.writer, access.image, access.column), 'bool')
  }
  if (name === 'size' && args.length === 1) {
    const text = textOperand(compiler, first!)
    return result(compiler.writer.temporary(`${compiler.writer.constant(countCharacters)}(${text.code})`), 'int')
  }
  if (isMatchesCall(name) && args.length === 2) return matches(compiler, first!, second!)
  const method = TEXT_METHODS[name]
  if (method === undefined || args.length !== method.arity + 1) throw new Unsupported()
  const [text, argument] = args.map((arg) => textOperand(compiler, arg))
  return result(compiler.writer.temporary(`${text!.code}.${method.name}(${argument?.code ?? ''})`), method.type)
}

function result(code: string, type: OperandType): Operand {
  return { code, type, checked: true, big: false }
}

/** Methods of CEL strings that JavaScript strings have likewise. */
const TEXT_METHODS: { readonly [name: string]: { name: string; arity: 0 | 1; type: OperandType } } = {
  startsWith: { name: 'startsWith', arity: 1, type: 'bool' },
  endsWith: { name: 'endsWith', arity: 1, type: 'bool' },
  contains: { name: 'includes', arity: 1, type: 'bool' },
  lowerAscii: { name: 'toLowerCase', arity: 0, type: 'string' },
  upperAscii: { name: 'toUpperCase', arity: 0, type: 'string' },
  trim: { name: 'trim', arity: 0, type: 'string' },
}

function textOperand(compiler: Compiler, node: CelNode): Operand {
  const operand = compiler.operand(node)
  checkText(compiler.writer, operand)
  return operand
}

function matches(compiler: Compiler, text: CelNode, pattern: CelNode): Operand {
  if (pattern.op !== 'value' || typeof pattern.args !== 'string') throw new Unsupported()
  const { writer } = compiler
  const tested = textOperand(compiler, text)
  return result(writer.temporary(`${writer.constant(compileRe2(pattern.args))}.test(${tested.code})`), 'bool')
}

/** CEL's size() counts Unicode characters. */
function countCharacters(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}
