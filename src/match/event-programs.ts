import type { Rule } from '../model/rule/rule.ts'
import { EventProgram } from './event-program.ts'

/** Types whose rules are remembered: senders make types up. */
const MOST_TYPES = 4_096

/** Finds the rules of a posted event by its type. Types of the same rules share a program. */
export class EventPrograms {
  private readonly rules: readonly Rule[]
  private readonly all: readonly Rule[]
  private readonly invoked = new Map<string, EventProgram>()
  private readonly byType = new Map<string, EventProgram | null>()
  private readonly byRules = new Map<string, EventProgram>()

  /** `all`: with those that run only when they are invoked. */
  constructor(rules: readonly Rule[], all = rules) {
    this.all = all
    this.rules = rules.filter(({ on }) => on !== null && on.kinds.has('posted'))
  }

  /** Null when no rule is for events of this type. */
  of(type: string): EventProgram | null {
    let program = this.byType.get(type)
    if (program === undefined) {
      program = this.find(type)
      if (this.byType.size >= MOST_TYPES) this.byType.clear()
      this.byType.set(type, program)
    }
    return program
  }

  /** For an event that is for one rule alone; null where there is no such rule (any more). */
  invoking(id: string): EventProgram | null {
    const known = this.invoked.get(id)
    if (known !== undefined) return known
    const rule = this.all.find((each) => each.id === id)
    if (rule === undefined) return null
    const program = new EventProgram([unconditional(rule)])
    this.invoked.set(id, program)
    return program
  }

  private find(type: string): EventProgram | null {
    const rules = this.rules.filter(({ on }) => on!.matches(type))
    if (rules.length === 0) return null
    const name = rules.map(({ id }) => id).join('\0')
    let program = this.byRules.get(name)
    if (program === undefined) {
      program = new EventProgram(rules)
      if (this.byRules.size >= MOST_TYPES) this.byRules.clear()
      this.byRules.set(name, program)
    }
    return program
  }
}

/** Whoever invokes a rule has decided that it is to run. */
function unconditional(rule: Rule): Rule {
  const on = rule.on && { ...rule.on, sources: null, test: 'any' as const }
  return { ...rule, on, match: null, filter: null }
}
