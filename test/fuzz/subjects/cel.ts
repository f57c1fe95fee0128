import { EvaluationError, ProblemsError } from '../../../src/model/errors.ts'
import { compilePredicate } from '../../../src/rules/language/cel/predicate.ts'
import { inlineText } from '../../../src/rules/language/source-text.ts'
import type { Random } from '../../support/random-tables.ts'
import { USERS } from '../../support/match-tables.ts'
import { mutateText } from '../mutate-text.ts'
import type { FuzzSubject } from '../subject.ts'
import { hostileChange } from './rows.ts'

const FILTERS = [
  "NewRow['status'] != OldRow['status']",
  "'status' in changed && new.age + 1 > 18 && (new.email == null || new.email.endsWith('@example.com'))",
  "!(new.name in ['XX', 'ZZ']) && new.name.matches('^[A-Z]')",
  "new.doc.tags.exists(t, t == 'y') ? size(new.tags) > 1 : has(new.doc.level)",
  "ts >= timestamp('2026-11-20T10:00:00Z') && duration('1h') < duration('90m')",
  '[1, 2, 3].all(x, [4, 5].exists(y, x * y > new.age))',
  "new.serial == 18446744073709551615u || string(new.id) == '1' || double(new.status) / 2.0 < 1e9",
]
const TOKENS = [
  'new',
  'old',
  'key',
  'op',
  'changed',
  'gtid',
  'new.id',
  'old.doc',
  'new[old.name]',
  'dyn(new)',
  'type(new)',
  '&&',
  '||',
  '!',
  '==',
  '<=',
  'in',
  '?',
  ':',
  '+',
  '-',
  '*',
  '/',
  '%',
  '.',
  '[',
  ']',
  '(',
  ')',
  ',',
  '.exists(x, x)',
  '.all(x, true)',
  '.map(x, x)',
  '.filter(x, x)',
  '.exists_one(x, x)',
  'has(new.x)',
  'size(new)',
  ".matches('((a{100}){100}){100}')",
  ".matches('(?=x)')",
  ".split(',')",
  "string(b'\\xff')",
  '9223372036854775807',
  'null',
  'true',
  '1u',
  '1.5',
  "'x'",
  '{new.name: 1}',
  'cel.bind(x, new, x)',
  'optional.of(1)',
  'bytes(new.name)',
]

function expression(random: Random, depth: number): string {
  if (depth === 0) return random.pick(TOKENS)
  const inner = (): string => expression(random, depth - 1)
  switch (random.below(6)) {
    case 0:
      return `(${inner()} ${random.pick(['&&', '||', '==', '+', '<', 'in'])} ${inner()})`
    case 1:
      return `${inner()}.${random.pick(['exists', 'all', 'map', 'filter'])}(v${depth}, ${inner()})`
    case 2:
      return `${inner()} ? ${inner()} : ${inner()}`
    case 3:
      return `[${inner()}, ${inner()}][${inner()}]`
    default:
      return inner()
  }
}

export const cel: FuzzSubject = {
  name: 'cel',
  attempt(random) {
    const text = random.chance(60)
      ? mutateText(random.pick(FILTERS), random, TOKENS)
      : expression(random, 1 + random.below(5))
    try {
      const filter = compilePredicate(inlineText(text)).bind(USERS)
      for (let i = 0; i < 3; i++) evaluate(() => filter(hostileChange(random)))
    } catch (error) {
      if (error instanceof EvaluationError) return
      if (!(error instanceof ProblemsError)) throw error
      if (error.problems[0]?.location === undefined) throw new Error(`a problem without a place: ${error.message}`)
    }
  },
}

/** An error of one row is an EvaluationError, which goes to the dead letters. */
function evaluate(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
  }
}
