import { READS_WHOLE_ROW } from '../table/column-reads.ts'
import type { ActionPlan, Rule } from './rule.ts'

/** What a rule of the program's own says: the rest is what a rule has of which a file says nothing. */
export type MadeRule = Pick<Rule, 'id' | 'location' | 'version' | 'operations' | 'matchesTable' | 'listensTo'> &
  Partial<Pick<Rule, 'filter' | 'on'>>

export type MadeAction = Pick<
  ActionPlan,
  'identity' | 'target' | 'onFailure' | 'retry' | 'timeoutMs' | 'bind' | 'options'
> &
  Partial<Pick<ActionPlan, 'location' | 'reads'>>

/** A rule that no file has, with one action, which reads whole rows unless it says otherwise. */
export function makeRule(of: MadeRule, action: MadeAction): Rule {
  const actions: ActionPlan[] = []
  const rule: Rule = {
    description: null,
    tags: [],
    match: null,
    filter: null,
    key: null,
    actions,
    debounce: null,
    delayMs: 0,
    on: null,
    manual: false,
    ...of,
  }
  actions.push({
    rule,
    index: 0,
    parts: {},
    type: action.target.type,
    location: rule.location,
    coalesce: 'none',
    when: null,
    ratePerSecond: null,
    reads: () => READS_WHOLE_ROW,
    ...action,
  })
  return rule
}
