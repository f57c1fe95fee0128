import { valuesEqual } from '../../../../model/event/changed-columns.ts'
import { Unsupported } from '../../code-writer.ts'
import type { CodeWriter, Operand, OperandType } from '../../code-writer.ts'

export function needType(operand: Operand, type: OperandType): Operand {
  if (operand.type !== type) throw new Unsupported()
  return operand
}

/**
 * CEL equality is defined between all types: values of different types differ, numbers compare as numbers. Decoded
 * integers are canonical (a bigint is never a safe integer), so `===` is right among them.
 */
export function compileEquality(writer: CodeWriter, op: '==' | '!=', left: Operand, right: Operand): string {
  if (left.type === 'structure' || right.type === 'structure') return structures(writer, op, left, right)
  const types = new Set([left.type, right.type])
  const mixedNumbers = types.has('int') && types.has('float')
  return writer.temporary(`${left.code} ${mixedNumbers ? op : `${op}=`} ${right.code}`)
}

function structures(writer: CodeWriter, op: '==' | '!=', left: Operand, right: Operand): string {
  if (left.type === 'null' || right.type === 'null') return writer.temporary(`${left.code} ${op}= ${right.code}`)
  if (left.type !== right.type) throw new Unsupported()
  const equal = `${writer.constant(valuesEqual)}(${left.code}, ${right.code})`
  return writer.temporary(op === '==' ? equal : `!${equal}`)
}

export function compileOrder(writer: CodeWriter, op: '<' | '<=' | '>' | '>=', left: Operand, right: Operand): string {
  if (left.type === 'string' && right.type === 'string') {
    checkText(writer, left)
    checkText(writer, right)
  } else {
    checkNumber(writer, left)
    checkNumber(writer, right)
  }
  return writer.temporary(`${left.code} ${op} ${right.code}`)
}

export function compileArithmetic(
  writer: CodeWriter,
  op: '+' | '-' | '*' | '/' | '%',
  left: Operand,
  right: Operand,
): Operand {
  if (left.type === 'string' && right.type === 'string' && op === '+') {
    checkText(writer, left)
    checkText(writer, right)
    return checked(writer.temporary(`${left.code} + ${right.code}`), 'string')
  }
  if (left.type !== right.type) throw new Unsupported()
  checkNumber(writer, left)
  checkNumber(writer, right)
  if (left.type === 'int') return integers(writer, op, left, right)
  if (op === '%') throw new Unsupported()
  return checked(writer.temporary(`${left.code} ${op} ${right.code}`), 'float')
}

/** Exact as long as the result stays within 2^53; beyond, and for a division by zero, the engine decides. */
function integers(writer: CodeWriter, op: string, left: Operand, right: Operand): Operand {
  if (op === '/' || op === '%') {
    writer.bailIf(`${right.code} === 0`)
    const quotient = `${left.code} ${op} ${right.code}`
    return checked(writer.temporary(op === '/' ? `Math.trunc(${quotient})` : quotient), 'int')
  }
  const result = writer.temporary(`${left.code} ${op} ${right.code}`)
  writer.bailIf(`${result} > ${Number.MAX_SAFE_INTEGER} || ${result} < ${Number.MIN_SAFE_INTEGER}`)
  return checked(result, 'int')
}

function checked(code: string, type: OperandType): Operand {
  return { code, type, checked: true, big: false }
}

function checkNumber(writer: CodeWriter, operand: Operand): void {
  if ((operand.type !== 'int' && operand.type !== 'float') || operand.big) throw new Unsupported()
  if (!operand.checked) writer.bailIf(`typeof ${operand.code} !== 'number'`)
}

/** Bails out where the text is NULL. */
export function checkText(writer: CodeWriter, operand: Operand): void {
  if (operand.type !== 'string') throw new Unsupported()
  if (!operand.checked) writer.bailIf(`typeof ${operand.code} !== 'string'`)
}
