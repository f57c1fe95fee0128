import { BingoError } from '../../../src/model/errors.ts'
import type { RuleSet } from '../../../src/model/rule/rule-set.ts'
import { DeadLetterSummary, readable } from '../../../src/cli/dead-letters/describe-letter.ts'
import { matchesFilter, parkedKeyOf, parseLetter } from '../../../src/state/dead-letters/letter.ts'
import { evaluate } from '../../../src/waiting/evaluate.ts'
import { letterChange } from '../../../src/waiting/letter-change.ts'
import { ownAction } from '../../../src/waiting/own-action.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'
import { mutateJson } from '../mutate-json.ts'
import { mutateText } from '../mutate-text.ts'
import type { FuzzSubject } from '../subject.ts'
import { SAMPLES } from './samples.ts'

const RULES = `rules:
  - {id: row, table: shop.users, actions: [{type: log, path: a.ndjson, when: "op != 'gap'", body: {id: "{{new.id}}"}}]}
  - {id: posted, on: "a.**", actions: [{type: log, path: a.ndjson, body: "{{payload.n}}"}]}
`
let ruleSet: Pick<RuleSet, 'rules'> | null = null

const EVENTS = SAMPLES.filter((sample) => 'op' in sample)

const LETTERS = EVENTS.map((sample, i) => ({
  id: `e${i}#row#0`,
  event: {
    schema: 'shop',
    table: 'users',
    old: null,
    new: null,
    ...sample,
    id: `e${i}`,
    key: i === 0 ? { id: 7 } : null,
  },
  ruleId: i % 2 === 0 ? 'row' : 'posted',
  ruleVersion: 'v1',
  actionIndex: 0,
  action: { identity: 'x', parts: { path: 'y' }, ofRule: ['x'] },
  actionType: 'log',
  target: 'log a.ndjson',
  rowKey: 'shop\0users\x007',
  state: (['skip', 'park', 'parked'] as const)[i % 3],
  attempts: [{ at: 1_000, code: 'BINGO_LOG_WRITE', message: 'no', answer: { status: 400 } }],
  createdAt: 1_000,
  ...(i % 2 === 0 && { stage: 'filter', columns: [['id', 'int'], ['name', 'string']] }), // prettier-ignore
  ...(i % 3 === 0 && { bigints: [['payload', 'n']] }),
}))

export const letters: FuzzSubject = {
  name: 'letters',
  attempt(random) {
    const letter = mutateJson(random.pick(LETTERS), random)
    const text = random.chance(80) ? JSON.stringify(letter) : mutateText(JSON.stringify(letter), random, ['null', '{}'])
    try {
      use(text)
    } catch (error) {
      if (!(error instanceof BingoError)) throw error
    }
  },
}

/** All that anybody does with one. */
function use(text: string): void {
  const letter = parseLetter({ text }, 'a store')
  parkedKeyOf(letter)
  matchesFilter(letter, { table: 'shop.users', code: 'BINGO_X', since: 1 })
  readable(letter)
  new DeadLetterSummary().add(letter)
  const change = letterChange(letter)
  const { rules } = (ruleSet ??= { rules: rulesFrom(RULES) })
  // Its own action has another version mostly; the first of its rule is evaluated for whatever it is.
  const rule = rules.find(({ id }) => id === letter.ruleId)
  if (rule !== undefined) evaluate(rule.actions[0]!, letter, change)
  ownAction(letter, { rules } as RuleSet)
}
