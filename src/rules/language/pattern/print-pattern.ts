import type { Literal, Operator, PatternNode } from './pattern.ts'

/** A pattern as one would write it in a rule, on one line. Equal patterns print the same. */
export function printPattern(node: PatternNode): string {
  switch (node.tag) {
    case 'map':
      return `{${node.entries.map(({ key, node: inner }) => `${printKey(key)}: ${printPattern(inner)}`).join(', ')}}`
    case 'any':
      return '[]'
    case 'values':
      return `[${node.values.map(printLiteral).join(', ')}]`
    case 'operators':
      return `[${node.operators.map(printOperator).join(', ')}]`
  }
}

export function printOperator({ name, operand }: Operator): string {
  return `{${name}: ${printOperand(operand)}}`
}

function printOperand(operand: Operator['operand']): string {
  if (typeof operand !== 'object') return printLiteral(operand)
  return 'name' in operand ? printOperator(operand) : `[${operand.map(printLiteral).join(', ')}]`
}

function printLiteral(value: Literal): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

function printKey(key: string): string {
  return /^[A-Za-z_$][\w$-]*$/.test(key) ? key : JSON.stringify(key)
}
