import type { ActionSpec } from '../../model/rule/action.ts'
import type { Value } from '../../model/event/row.ts'
import { EvaluationError } from '../../model/errors.ts'
import type { Structure } from '../../model/rule/expression.ts'
import { constant, type Piece } from '../plan/piece.ts'
import type { SeveralArguments } from './bound-arguments.ts'
import { textOf } from './whole-row.ts'

/** What `args` of a command may be that is one expression or a map. */
export type ArgsShape =
  /** Name and value of each entry of a map. */
  | 'fields'
  /** Score and member: a map of members and their scores. */
  | 'scores'
  /** Elements of a list, or one value. */
  | 'elements'
  /** One value: a list of them could be options, which data never is. */
  | 'value'

type Pieces = readonly (Piece<string> | SeveralArguments)[]

const SCORE = /^(?:[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf)$/

/** `args` as a list of templates, a map, or one expression that gives a list or a map; undefined: there are none. */
export function readArgs(spec: ActionSpec, shape: ArgsShape): Pieces | undefined {
  const outline = spec.outline('args')
  if (outline?.tag === 'map') return pairsOf(spec, shape)
  const isExpression = outline?.tag === 'scalar' && /^\{\{[^{}]*\}\}$/.test(String(outline.value))
  if (!isExpression) return spec.templates('args')
  const structure = spec.structure('args')
  return structure && [expanded(structure, shape)]
}

function pairsOf(spec: ActionSpec, shape: ArgsShape): Pieces | undefined {
  if (shape === 'elements' || shape === 'value') {
    spec.fail('args', 'BINGO_RULE_REDIS_ARGS', '`args` of this command is a list', 'write `args: [a, "{{new.b}}"]`')
    return undefined
  }
  const entries = [...(spec.templateMap('args') ?? [])]
  return entries.flatMap(([name, template]): Pieces =>
    shape === 'fields' ? [constant(name), template] : [score(template), constant(name)],
  )
}

function score(template: Piece<string>): Piece<string> {
  return {
    reads: (table) => template.reads(table),
    bind: (table) => {
      const render = template.bind(table)
      return (change) => checkedScore(render(change))
    },
  }
}

/** Entries that are NULL are left out. */
function expanded(structure: Structure, shape: ArgsShape): SeveralArguments {
  return {
    several: true,
    reads: (table) => structure.reads(table),
    bind: (table) => {
      const value = structure.bind(table)
      if (shape === 'fields' || shape === 'scores') return (change) => entriesOf(value(change), shape)
      return (change) => elementsOf(value(change) as Value, shape)
    },
  }
}

function elementsOf(value: Value, shape: 'elements' | 'value'): readonly string[] {
  if (shape === 'elements' && Array.isArray(value))
    return (value as readonly Value[]).filter((each) => each !== null).map(textOf)
  const text = typeof value === 'object' ? '' : textOf(value)
  if (text !== '') return [text]
  throw wrong(shape === 'elements' ? 'a list or a value' : 'a value')
}

function entriesOf(value: unknown, shape: 'fields' | 'scores'): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('a map')
  const entries = Object.entries(value as { readonly [name: string]: Value })
  return entries
    .filter(([, each]) => each !== null && each !== undefined)
    .flatMap(([name, each]) => (shape === 'fields' ? [name, textOf(each)] : [checkedScore(textOf(each)), name]))
}

function checkedScore(text: string): string {
  if (SCORE.test(text)) return text
  throw new EvaluationError(
    'BINGO_REDIS_NOT_A_NUMBER',
    `the score of ZADD must be a number: the rendered value is not valid`,
  )
}

function wrong(expected: string): EvaluationError {
  return new EvaluationError('BINGO_REDIS_FIELDS', `\`args\` is not ${expected} here`, {
    hint: 'exclude such rows in the filter, or list the arguments',
  })
}
