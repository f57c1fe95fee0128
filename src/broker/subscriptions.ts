import { typePattern } from '../model/event/posted/type-pattern.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import { isTypePattern } from '../rules/read/read-on.ts'
import type { BrokerEvent, Handler, SubscriptionOptions } from './contract.ts'
import { wrongSubscription } from './errors.ts'
import type { BrokerSettings } from './options.ts'
import { ruleOf, type RuleMember } from './subscription-rule.ts'

export interface Subscription extends RuleMember {
  readonly id: string
  readonly group: string | null
  /** The rule that stands for it, or for its group. */
  readonly rule: string
  readonly handler: Handler<BrokerEvent>
}

/** Room for `~2` behind it. */
const LONGEST_ID = 120

/** Who is subscribed, as rules of a pipeline: one for each subscription, or for all of a group. */
export class Subscriptions {
  private readonly settings: Pick<BrokerSettings, 'retry' | 'onFailure'>
  private readonly byId = new Map<string, Subscription>()
  /** In the order in which their first one subscribed. */
  private readonly byRule = new Map<string, Subscription[]>()
  private turn = 0

  constructor(settings: Pick<BrokerSettings, 'retry' | 'onFailure'>) {
    this.settings = settings
  }

  get all(): readonly Subscription[] {
    return [...this.byId.values()]
  }

  /** Throws BINGO_BROKER_SUBSCRIPTION. */
  add(pattern: string, handler: Handler<BrokerEvent>, options: SubscriptionOptions): Subscription {
    if (typeof pattern !== 'string' || !isTypePattern(pattern)) {
      const hint = 'Write parts with dots between them: orders.order.create, orders.*.create, orders.**, or *.'
      throw wrongSubscription(`${JSON.stringify(pattern)} is not a type or pattern of types`, hint)
    }
    if (typeof handler !== 'function') throw wrongSubscription('the handler is not a function', 'Give it a function.')
    const group = options.group === undefined ? null : this.checked('group', options.group)
    const id = this.idOf(pattern, group, options)
    const rule = group === null ? id : `group:${group}`
    if (group === null && this.byRule.has(rule)) {
      throw wrongSubscription(`"${id}" is a group already`, 'Give the subscription another id.')
    }
    const subscription = { id, pattern, group, rule, handler, matches: typePattern(pattern) }
    this.byId.set(id, subscription)
    const members = this.byRule.get(rule)
    if (members === undefined) this.byRule.set(rule, [subscription])
    else members.push(subscription)
    return subscription
  }

  remove(id: string): boolean {
    const subscription = this.byId.get(id)
    if (subscription === undefined) return false
    this.byId.delete(id)
    const members = this.byRule.get(subscription.rule)!.filter((each) => each !== subscription)
    if (members.length > 0) this.byRule.set(subscription.rule, members)
    else this.byRule.delete(subscription.rule)
    return true
  }

  /** The one to handle an event; undefined where nobody is subscribed any more. Events of one key go to the same one. */
  chosen(rule: string, { type, key }: Pick<BrokerEvent, 'type' | 'key'>): Subscription | undefined {
    const members = this.byRule.get(rule)
    if (members === undefined) return undefined
    if (members.length === 1) return members[0]!.matches(type) ? members[0] : undefined
    const fitting = members.filter((each) => each.matches(type))
    return fitting[(key === null ? this.turn++ : hashOf(key)) % fitting.length]
  }

  rules(): RuleSet {
    const rules = [...this.byRule].map(([id, members]) => ruleOf({ id, members, ...this.settings }))
    return { rules, files: [] }
  }

  private idOf(pattern: string, group: string | null, { id }: SubscriptionOptions): string {
    if (id !== undefined) {
      if (this.byId.has(id)) throw wrongSubscription(`"${id}" is subscribed already`, 'Give each an id of its own.')
      return this.checked('id', id)
    }
    const stem = (group ?? pattern.replaceAll('#', '_')).slice(0, LONGEST_ID)
    for (let n = 1; ; n += 1) {
      const found = n === 1 ? stem : `${stem}~${n}`
      if (!this.byId.has(found)) return found
    }
  }

  /** Part of the ids of dead letters (EVENT#RULE#ACTION). */
  private checked(what: string, name: string): string {
    if (typeof name === 'string' && new RegExp(`^[^\\p{Cc}#]{1,${LONGEST_ID}}$`, 'u').test(name)) return name
    throw wrongSubscription(
      `the ${what} ${JSON.stringify(name)} is not valid`,
      `Write 1 to ${LONGEST_ID} characters without # and control characters.`,
    )
  }
}

/** The same in every process. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
