import { ProblemsError } from '../../../model/errors.ts'
import type { Problem, SourceLocation } from '../../../model/errors.ts'
import { nearestName } from '../../../model/nearest-name.ts'
import { isOperatorName, OPERATORS } from './pattern.ts'
import type {
  Literal,
  Operator,
  OperatorName,
  PatternClause,
  PatternMap,
  PatternNode,
  PatternSource,
} from './pattern.ts'

const CODE = 'BINGO_RULE_BAD_MATCH'
/** Their answer inside of `$not` is another operator: `$not: {$exists: true}` never holds, as `$not` needs a value. */
const NOT_WITHIN_NOT: { readonly [name in OperatorName]?: string } = {
  $exists: 'write {$exists: false} instead of {$not: {$exists: true}}',
  $isNull: 'write {$isNull: false} instead of {$not: {$isNull: true}}',
  $anythingBut: 'write the values themselves instead of {$not: {$anythingBut: …}}',
  $not: 'write the value itself instead of {$not: {$not: …}}',
}

/** Reads the pattern of a rule. Throws ProblemsError with everything that is wrong, each at its place. */
export function parsePattern(source: PatternSource, ruleId: string): PatternMap {
  const parser = new PatternParser(ruleId)
  const pattern = parser.root(source)
  if (parser.problems.length > 0 || pattern === undefined) throw new ProblemsError(parser.problems)
  return pattern
}

class PatternParser {
  readonly problems: Problem[] = []
  private readonly ruleId: string

  constructor(ruleId: string) {
    this.ruleId = ruleId
  }

  root(source: PatternSource): PatternMap | undefined {
    if (source.tag === 'map') return this.map(source, 'match')
    return this.fail(source, 'match must be a map', 'write for example match: {payload: {country: [DE, AT]}}')
  }

  private map(source: PatternSource & { tag: 'map' }, path: string): PatternMap {
    const entries = source.entries.flatMap(({ key, keyLocation, value }) => {
      if (this.isMisplaced(key)) {
        this.misplaced(key, keyLocation, path)
        return []
      }
      const node = this.node(value, `${path}.${key}`)
      return node === undefined ? [] : [{ key, location: keyLocation, node }]
    })
    return { tag: 'map', location: source.location, entries }
  }

  /** A field of an event may begin with `$`, but not be called nearly as an operator. */
  private isMisplaced(key: string): boolean {
    return key.startsWith('$') && (isOperatorName(key) || nearestName(key, Object.keys(OPERATORS)) !== undefined)
  }

  private misplaced(key: string, location: SourceLocation, path: string): void {
    const name = isOperatorName(key) ? key : nearestName(key, Object.keys(OPERATORS))!
    const field = path.slice(path.lastIndexOf('.') + 1)
    const { example } = OPERATORS[name as OperatorName]
    if (isOperatorName(key)) {
      this.fail({ location }, `the operator ${key} stands outside of a list`, `write ${field}: [${example}]`)
    } else {
      this.fail({ location }, `unknown operator ${key}`, `did you mean ${field}: [${example}]?`)
    }
  }

  private node(source: PatternSource, path: string): PatternNode | undefined {
    if (source.tag === 'map') return this.map(source, path)
    return this.list(source.tag === 'list' ? source.items : [source], source.location, path)
  }

  private list(items: readonly PatternSource[], location: SourceLocation, path: string): PatternClause | undefined {
    if (items.length === 0) return { tag: 'any', location }
    const nested = items.find((item) => item.tag === 'list')
    if (nested !== undefined) {
      return this.fail(nested, `${path} has a list inside of a list`, 'write one list of values, or of operators')
    }
    const operators = items.filter(isOperator)
    if (operators.length === 0) {
      const values = this.literals(items, path)
      return values && { tag: 'values', location, values }
    }
    const literal = items.find((item) => !isOperator(item))
    if (literal !== undefined) {
      return this.fail(
        literal,
        `${path} has a value beside an operator`,
        'write values only, or operators only: [{$anythingBut: [a, b]}] or two rules',
      )
    }
    const read = operators.map((item) => this.operatorOf(item, path))
    const known = read.filter((each) => each !== undefined)
    return known.length === read.length ? { tag: 'operators', location, operators: known } : undefined
  }

  /** Values of one type; `name` is what they are part of, for messages. */
  private literals(items: readonly PatternSource[], name: string): readonly Literal[] | undefined {
    const values = items.map((item) => this.literal(item, name))
    const known = values.filter((value) => value !== undefined)
    if (known.length < values.length) return undefined
    const first = typeName(known[0]!)
    const other = known.findIndex((value) => typeName(value) !== first)
    if (other < 0) return known
    const message = `${name} mixes types: ${first}s and ${typeName(known[other]!)}s`
    return this.fail(items[other]!, message, 'write values of one type, with quotes around all texts or around none')
  }

  /** A text, number or boolean. */
  private literal(source: PatternSource, name: string): Literal | undefined {
    if (source.tag !== 'scalar') {
      return this.fail(source, `${name} takes a text, a number, true or false`, 'write one value')
    }
    const { value, written } = source
    if (value === null)
      return this.fail(source, `${name} does not take null`, 'write {$isNull: true} or {$isNull: false}')
    return typeof value === 'number' ? this.number(source, value, written, name) : value
  }

  private number(source: PatternSource, value: number, written: string, name: string): number | bigint | undefined {
    if (!Number.isFinite(value))
      return this.fail(source, `${name} is ${written}, which no event holds`, 'write a number')
    return exactNumber(value, written)
  }

  private operatorOf(source: PatternSource, path: string): Operator | undefined {
    const { location } = source
    // `[null]`, and a bare null.
    if (source.tag === 'scalar') return { location, name: '$isNull', operand: true }
    if (source.tag !== 'map') return undefined
    const [entry, ...more] = source.entries
    if (entry === undefined) {
      return this.fail(source, `${path} has an empty operator`, `write for example [${OPERATORS.$gte.example}]`)
    }
    if (!isOperatorName(entry.key)) {
      const nearest = entry.key.startsWith('$') ? nearestName(entry.key, Object.keys(OPERATORS)) : undefined
      const hint =
        nearest !== undefined
          ? `did you mean ${OPERATORS[nearest as OperatorName].example}?`
          : entry.key.startsWith('$')
            ? `write one of ${Object.keys(OPERATORS).join(', ')}`
            : 'a list holds values or operators; write a map without the list to look into the elements'
      return this.fail({ location: entry.keyLocation }, `unknown operator "${entry.key}"`, hint)
    }
    if (more.length > 0) {
      const hint = `write several maps: [{${entry.key}: …}, {${more[0]!.key}: …}]`
      return this.fail({ location: more[0]!.keyLocation }, `${path} has several operators in one map`, hint)
    }
    return this.operator(entry.key, entry.value, location)
  }

  private operator(name: OperatorName, source: PatternSource, location: SourceLocation): Operator | undefined {
    switch (name) {
      case '$startsWith':
      case '$endsWith':
      case '$ignoreCaseEquals': {
        const operand = source.tag === 'scalar' ? source.value : undefined
        return typeof operand === 'string' ? { location, name, operand } : this.wrongOperand(name, source, 'a text')
      }
      case '$exists':
      case '$isNull': {
        const operand = source.tag === 'scalar' ? source.value : undefined
        return typeof operand === 'boolean'
          ? { location, name, operand }
          : this.wrongOperand(name, source, 'true or false')
      }
      case '$gt':
      case '$gte':
      case '$lt':
      case '$lte': {
        const operand = this.numberOperand(name, source)
        return operand === undefined ? undefined : { location, name, operand }
      }
      case '$between':
        return this.between(source, location)
      case '$anythingBut': {
        const operand = this.anythingBut(source)
        return operand && { location, name, operand }
      }
      case '$includes': {
        const operand = this.literal(source, name)
        return operand === undefined ? undefined : { location, name, operand }
      }
      case '$not':
        return this.not(source, location)
    }
  }

  private numberOperand(name: OperatorName, source: PatternSource): number | bigint | undefined {
    if (source.tag !== 'scalar' || typeof source.value !== 'number') return this.wrongOperand(name, source, 'a number')
    return this.number(source, source.value, source.written, name)
  }

  private between(source: PatternSource, location: SourceLocation): Operator | undefined {
    if (source.tag !== 'list' || source.items.length !== 2) return this.wrongOperand('$between', source, 'two numbers')
    const low = this.numberOperand('$between', source.items[0]!)
    const high = this.numberOperand('$between', source.items[1]!)
    if (low === undefined || high === undefined) return undefined
    return { location, name: '$between', operand: [low, high] }
  }

  private anythingBut(source: PatternSource): readonly Literal[] | undefined {
    const items = source.tag === 'list' ? source.items : [source]
    if (items.length === 0) return this.wrongOperand('$anythingBut', source, 'a value, or a list of values')
    return this.literals(items, '$anythingBut')
  }

  private not(source: PatternSource, location: SourceLocation): Operator | undefined {
    if (source.tag !== 'map') {
      const operand = this.literal(source, '$not')
      return operand === undefined ? undefined : { location, name: '$not', operand }
    }
    const operand = this.operatorOf(source, '$not')
    if (operand === undefined) return undefined
    const hint = NOT_WITHIN_NOT[operand.name]
    if (hint !== undefined) return this.fail(operand, `$not does not take ${operand.name}`, hint)
    return { location, name: '$not', operand }
  }

  private wrongOperand(name: OperatorName, source: PatternSource, wanted: string): undefined {
    const shown =
      source.tag === 'scalar' ? (source.value === null ? 'null' : JSON.stringify(source.value)) : `a ${source.tag}`
    const quotes = wanted === 'a text' && source.tag === 'scalar' && source.value !== null
    const hint = quotes
      ? `put quotes around it: {${name}: "${source.written}"}`
      : `write for example ${OPERATORS[name].example}`
    return this.fail(source, `${name} takes ${wanted}, but has ${shown}`, hint)
  }

  private fail({ location }: { readonly location: SourceLocation }, message: string, hint: string): undefined {
    this.problems.push({ code: CODE, severity: 'error', location, message, hint, ruleId: this.ruleId })
    return undefined
  }
}

function isOperator(source: PatternSource): boolean {
  return source.tag === 'map' || (source.tag === 'scalar' && source.value === null)
}

function typeName(value: Literal): 'string' | 'number' | 'boolean' {
  return typeof value === 'bigint' ? 'number' : (typeof value as 'string' | 'number' | 'boolean')
}

const INTEGER = /^[-+]?(\d+|0x[\da-fA-F]+|0o[0-7]+)$/

/** An integer that a number cannot hold is read from its digits. */
function exactNumber(value: number, written: string): number | bigint {
  if (Number.isSafeInteger(value) || !INTEGER.test(written)) return value + 0
  return BigInt(written)
}
