import type { Change } from '../../../../model/event/change.ts'
import type { TableDef } from '../../../../model/table/table.ts'
import type { CelNode } from '../cel-engine.ts'
import { CodeWriter, Unsupported } from '../../code-writer.ts'
import type { Operand } from '../../code-writer.ts'
import { compileCall, compileMembership } from './cel-compile-calls.ts'
import { compileArithmetic, compileEquality, compileOrder, needType } from './cel-compile-operators.ts'
import { columnAccess } from './cel-references.ts'

/** Answers a part of an expression by the engine; undefined stands for an error or a value that is not boolean. */
export type EnginePart = (node: CelNode) => ((change: Change) => boolean | undefined) | undefined

/**
 * Compiles the plain part of CEL to a function over the row objects: comparisons, boolean and integer operators, null
 * tests, `in` with constants, common string functions. The function answers only where there is no doubt; whatever is
 * not plain at run time (a NULL in a comparison, an absent column, an overflow, an integer beyond 2^53) is given to
 * `engine`, so that both always agree, errors included. Boolean operands that are beyond it go to `enginePart`.
 * Undefined when nothing of the expression is plain.
 */
export function compileCel(
  ast: CelNode,
  table: TableDef,
  engine: (change: Change) => boolean,
  enginePart: EnginePart,
): ((change: Change) => boolean) | undefined {
  const compiler = new CelCompiler(new CodeWriter(table), enginePart)
  try {
    const result = compiler.boolean(ast)
    return compiler.isPlain ? compiler.writer.build(result, engine) : undefined
  } catch (error) {
    if (error instanceof Unsupported) return undefined
    throw error
  }
}

class CelCompiler {
  readonly writer: CodeWriter
  private readonly enginePart: EnginePart
  /** Whether anything was compiled at all. */
  isPlain = false

  constructor(writer: CodeWriter, enginePart: EnginePart) {
    this.writer = writer
    this.enginePart = enginePart
  }

  /** An operand that must be boolean; falls to the engine when it is not plain. */
  boolean(node: CelNode): string {
    const mark = this.writer.mark()
    const wasPlain = this.isPlain
    try {
      const code = needType(this.operand(node), 'bool').code
      this.isPlain = true
      return code
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error
      this.writer.reset(mark)
      this.isPlain = wasPlain
      return this.byEngine(node)
    }
  }

  private byEngine(node: CelNode): string {
    const part = this.enginePart(node)
    if (part === undefined) throw new Unsupported()
    const answer = this.writer.temporary(`${this.writer.constant(part)}(c)`)
    this.writer.bailIf(`${answer} === undefined`)
    return answer
  }

  operand(node: CelNode): Operand {
    switch (node.op) {
      case 'value':
        return this.writer.literal(node.args)
      case 'id':
        return this.writer.variable(node.args)
      case '.':
      case '[]': {
        const access = columnAccess(node)
        if (access === undefined) throw new Unsupported()
        return this.writer.column(access.image, access.column)
      }
      case '!_':
        return bool(this.writer.temporary(`!${this.boolean(node.args)}`))
      case '-_':
        return compileArithmetic(this.writer, '-', this.writer.zero, this.operand(node.args))
      case '&&':
      case '||':
        return bool(this.logical(node.op, node.args))
      case '?:':
        return this.conditional(node.args)
      case '==':
      case '!=':
        return bool(compileEquality(this.writer, node.op, this.operand(node.args[0]), this.operand(node.args[1])))
      case '<':
      case '<=':
      case '>':
      case '>=':
        return bool(compileOrder(this.writer, node.op, this.operand(node.args[0]), this.operand(node.args[1])))
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
        return compileArithmetic(this.writer, node.op, this.operand(node.args[0]), this.operand(node.args[1]))
      case 'in':
        return bool(compileMembership(this, node.args))
      case 'call':
        return compileCall(this, node.args[0], node.args[1])
      case 'rcall':
        return compileCall(this, node.args[0], [node.args[1], ...node.args[2]])
      case '.?':
      case '[?]':
      case 'list':
      case 'map':
        throw new Unsupported()
    }
  }

  private logical(op: '&&' | '||', [left, right]: readonly [CelNode, CelNode]): string {
    const { writer } = this
    const result = writer.declare()
    const first = this.boolean(left)
    writer.line(op === '&&' ? `if (!${first}) ${result} = false; else {` : `if (${first}) ${result} = true; else {`)
    writer.line(`${result} = ${this.boolean(right)}; }`)
    return result
  }

  private conditional([condition, yes, no]: readonly [CelNode, CelNode, CelNode]): Operand {
    const { writer } = this
    const result = writer.declare()
    writer.line(`if (${this.boolean(condition)}) {`)
    const left = this.operand(yes)
    writer.line(`${result} = ${left.code}; } else {`)
    const right = this.operand(no)
    writer.line(`${result} = ${right.code}; }`)
    if (left.type !== right.type) throw new Unsupported()
    return { code: result, type: left.type, checked: left.checked && right.checked, big: left.big || right.big }
  }
}

function bool(code: string): Operand {
  return { code, type: 'bool', checked: true, big: false }
}
