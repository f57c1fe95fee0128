import type { ActionRecord, DeadLetter } from '../model/delivery/dead-letter.ts'
import { BingoError } from '../model/errors.ts'
import type { ActionPlan, Rule } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'

/** What says of a dead letter, or of a waiting event, which action it belongs to. */
export type OfAction = Pick<DeadLetter, 'ruleId' | 'ruleVersion' | 'actionIndex' | 'action' | 'actionType'> & {
  readonly stage?: DeadLetter['stage'] | undefined
}

/**
 * The action that a dead letter belongs to, wherever it stands in its rule by now: that with its identity, or one that is
 * the same in all that it does. An action whose evaluation failed, so that nothing was ever sent, may have been repaired:
 * its successor is the one action that is new in the rule and does the same kind of thing. Throws BINGO_RULE_UNKNOWN, or
 * BINGO_ACTION_CHANGED, which says what is different.
 */
export function ownAction(letter: OfAction, { rules }: RuleSet): ActionPlan {
  const rule = rules.find(({ id }) => id === letter.ruleId)
  if (rule === undefined) {
    throw new BingoError('BINGO_RULE_UNKNOWN', `rule "${letter.ruleId}" does not exist or is disabled`, {
      hint: `Restore the rule under this id, ${BY_HINT}, or drop the dead letter.`,
    })
  }
  if (letter.action === undefined) return byPlace(letter, rule)
  const { action } = letter
  const own =
    rule.actions.find((each) => each.identity === action.identity && each.type === letter.actionType) ??
    only(rule.actions.filter((each) => each.type === letter.actionType && differences(each, action).length === 0))
  if (own !== undefined) return own
  const repaired = letter.stage === undefined ? undefined : successor(letter, action, rule)
  if (repaired !== undefined) return repaired
  throw changed(letter, rule, reasonOf(letter, action, rule))
}

/** The action that `--by RULE#ACTION` names: its identity, or its number in the rule from 1. */
export function namedAction(name: string, { rules }: RuleSet): ActionPlan {
  const [ruleId, action = ''] = name.split('#')
  const rule = rules.find(({ id }) => id === ruleId)
  const found = rule?.actions.find((each) => each.identity === action || String(each.index + 1) === action)
  if (found !== undefined) return found
  const known = rule?.actions.map((each) => `${rule.id}#${each.index + 1}`) ?? rules.map(({ id }) => `${id}#1`)
  throw new BingoError('BINGO_RULE_UNKNOWN', `action "${name}" does not exist in the enabled rules`, {
    hint: known.length === 0 ? undefined : `Write RULE#NUMBER or RULE#ID, such as ${known.slice(0, 5).join(', ')}.`,
  })
}

const BY_HINT = 'redeliver it by another action with --by RULE#ACTION'

/** Entries of older versions know the place of their action alone, which says something in the rule as it was only. */
function byPlace(letter: OfAction, rule: Rule): ActionPlan {
  const action = rule.actions[letter.actionIndex]
  if (rule.version === letter.ruleVersion && action?.type === letter.actionType) return action
  throw changed(
    letter,
    rule,
    'the rule has changed, and the dead letter comes from an older version of BinGo that did not record its action',
  )
}

/** The only action that took the place of one that could not be evaluated. Unclear cases are not decided here. */
function successor(letter: OfAction, action: ActionRecord, rule: Rule): ActionPlan | undefined {
  return only(
    rule.actions.filter(
      (each) =>
        each.type === letter.actionType &&
        !action.ofRule.includes(each.identity) &&
        !differences(each, action).some((field) => DOES.has(field)),
    ),
  )
}

/** Fields that say what is done where. With another value an action is another one, not the old one repaired. */
const DOES: ReadonlySet<string> = new Set(['target', 'cmd', 'method', 'exchange', 'statement'])

function reasonOf({ actionType, actionIndex }: OfAction, action: ActionRecord, rule: Rule): string {
  const sameType = rule.actions.filter(({ type }) => type === actionType)
  if (sameType.length === 0) {
    return `its ${actionType} action was removed: the rule has ${rule.actions.map(({ type }) => type).join(', ')}`
  }
  const nearest = sameType.reduce((best, each) => (distance(each) < distance(best) ? each : best))
  const fields = differences(nearest, action)
  if (fields.length === 0) return `several ${actionType} actions of the rule match the recorded one`
  return `its ${actionType} action was removed or changed; the closest one (action ${nearest.index + 1}) differs in ${fields.join(', ')}`

  function distance(each: ActionPlan): number {
    return differences(each, action).length + (each.index === actionIndex ? 0 : 0.5)
  }
}

/** Names of the fields that differ. */
function differences({ parts }: ActionPlan, action: ActionRecord): string[] {
  const fields = new Set([...Object.keys(parts), ...Object.keys(action.parts)])
  return [...fields].filter((field) => parts[field] !== action.parts[field])
}

function only<T>(found: readonly T[]): T | undefined {
  return found.length === 1 ? found[0] : undefined
}

function changed({ ruleId, actionIndex }: OfAction, rule: Rule, why: string): BingoError {
  const example = `${ruleId}#${rule.actions[actionIndex] === undefined ? 1 : actionIndex + 1}`
  return new BingoError('BINGO_ACTION_CHANGED', `rule "${ruleId}" cannot redeliver it: ${why}`, {
    hint: `Restore the action, ${BY_HINT} (such as --by '${example}'), or drop the dead letter. Give actions an \`id:\` so that dead letters find them after an edit.`,
  })
}
