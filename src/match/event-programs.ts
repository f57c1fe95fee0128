import type { Rule } from '../model/rule/rule.ts'
import { EventProgram } from './event-program.ts'

/** Types whose rules are remembered: senders make types up. */
const MOST_TYPES = 4_096

/** Finds the rules of a posted event by its type. Types of the same rules share a program. */
export class EventPrograms {
  private readonly rules: readonly Rule[]
  private readonly byType = new Map<string, EventProgram | null>()
  private readonly byRules = new Map<string, EventProgram>()

  constructor(rules: readonly Rule[]) {
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
