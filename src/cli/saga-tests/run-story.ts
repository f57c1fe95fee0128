import { explainRule } from '../../match/explain.ts'
import { BingoError } from '../../model/errors.ts'
import type { Value } from '../../model/event/row.ts'
import type { EventSchemas } from '../../model/event/posted/event-schemas.ts'
import type { SagaInstance } from '../../model/saga/instance.ts'
import type { SagaSignal } from '../../model/saga/sink.ts'
import type { TableDef } from '../../model/table/table.ts'
import { sampleChange, type SampleEvent } from '../../rules/samples/sample-change.ts'
import type { CommandOutcome, OutgoingCommand, SagaInput } from '../../sagas/contract.ts'
import { advance } from '../../sagas/machine/advance.ts'
import { renderCommand } from '../../sagas/render.ts'
import { differences } from '../rule-tests/difference.ts'
import { shownPayload } from '../output/shown-payload.ts'
import { nameOfCommand, type Chapter, type ExpectedCommand, type SagaTest, type TestedAnswer } from './story.ts'

/** What sample events may be checked against. */
export interface Known {
  readonly tables: readonly TableDef[] | undefined
  readonly schemas: EventSchemas | undefined
}

/** Any time: only what passes since matters. */
const START = Date.UTC(2026, 0, 1)
const OUTCOMES = {
  refused: { tag: 'refused', code: 'TEST', message: 'refused by the test' },
  failed: { tag: 'failed', code: 'TEST', message: 'failed by the test', down: false },
  down: { tag: 'failed', code: 'TEST', message: 'down by the test', down: true },
} as const satisfies { readonly [tag: string]: CommandOutcome }

/** Runs a test of a saga on a clock of its own. Answers what is not as expected, a line each; empty when all is. */
export function runStory(test: SagaTest, known: Known): readonly string[] {
  const story = new Story(test, known)
  for (const chapter of test.chapters) {
    const wrong = story.play(chapter)
    // What comes after it would be a consequence.
    if (wrong.length > 0) return [`line ${chapter.location.line}:`, ...wrong.map((line) => `  ${line}`)]
  }
  return []
}

interface Sent extends OutgoingCommand {
  readonly key: string
  /** What is sent, or why nothing can be. */
  readonly shown:
    | { readonly tag: 'sent'; readonly fields: unknown }
    | { readonly tag: 'error'; readonly error: BingoError }
}

class Story {
  readonly #test: SagaTest
  readonly #known: Known
  readonly #instances = new Map<string, SagaInstance>()
  /** Without an answer so far, by name and key. */
  readonly #open = new Map<string, Sent>()
  #sent: Sent[] = []
  #now = START
  #last: string | undefined

  constructor(test: SagaTest, known: Known) {
    this.#test = test
    this.#known = known
  }

  play(chapter: Chapter): readonly string[] {
    this.#sent = []
    const wrong = this.#input(chapter)
    if (wrong.length > 0) return wrong
    const missing = chapter.commands === undefined ? [] : unmet(chapter.commands, this.#sent)
    return [...missing, ...this.#wrongStatus(chapter)]
  }

  #wrongStatus({ status, key = this.#last }: Chapter): readonly string[] {
    if (status === undefined) return []
    const instance = key === undefined ? undefined : this.#instances.get(key)
    if (instance?.status === status) return []
    const why = instance?.failure ? ` (${instance.failure.code} ${instance.failure.message})` : ''
    return [`expected status ${status}, got ${instance === undefined ? 'no instance' : `${instance.status}${why}`}`]
  }

  #input({ input, key = this.#last }: Chapter): readonly string[] {
    switch (input.tag) {
      case 'event':
        return this.#event(input.event)
      case 'after':
        this.#pass(this.#now + input.ms)
        return []
      case 'answers':
        return input.answers.flatMap(({ of, answer }) => {
          const name = nameOfCommand(of)
          const open = key === undefined ? undefined : this.#open.get(`${name} ${key}`)
          if (open === undefined) return [`no command "${name}" waits for an answer`]
          this.#answer(open, outcomeOf(answer))
          return []
        })
      case 'operator': {
        if (key === undefined) return ['there is no instance yet']
        const ignored = this.#apply(key, { tag: input.command, ...(input.step !== null && { step: input.step }) })
        return ignored === null ? [] : [`${input.command} is refused: ${ignored}`]
      }
    }
  }

  /** Every rule that the saga listens by sees it, as in the daemon. */
  #event(event: SampleEvent): readonly string[] {
    try {
      const change = sampleChange(event, this.#known.tables, this.#known.schemas)
      return this.#test.saga.rules.flatMap(({ rule }) => {
        const { outcome, match, filter, actions } = explainRule(rule, change)
        if (outcome === 'no match') return []
        const failed = [match?.answer, filter?.answer].find((answer) => answer?.tag === 'error')
        if (failed?.tag === 'error') return [`${rule.id}: ${failed.code} ${failed.message}`]
        return actions.flatMap(({ rendered }) => {
          if (rendered === null) return []
          if (!('payload' in rendered)) return [`${rule.id}: ${rendered.code} ${rendered.message}`]
          this.#signal(rendered.payload as SagaSignal)
          return []
        })
      })
    } catch (error) {
      if (!(error instanceof BingoError)) throw error
      return [error.message, ...(error.hint === undefined ? [] : [error.hint])]
    }
  }

  #signal({ key, trigger, event }: SagaSignal): void {
    if (trigger.tag === 'start') {
      this.#last = key
      this.#apply(key, { tag: 'start', key, event })
      return
    }
    this.#apply(key, { tag: trigger.tag, step: trigger.step, payload: event.payload })
  }

  /** Timers fire at their times, one after the other. */
  #pass(until: number): void {
    for (;;) {
      const due = [...this.#instances.values()].filter(({ dueAt }) => dueAt !== null && dueAt <= until)
      const next = due.toSorted((a, b) => a.dueAt! - b.dueAt!)[0]
      if (next === undefined) break
      this.#now = Math.max(this.#now, next.dueAt!)
      this.#apply(next.key, { tag: 'tick' })
    }
    this.#now = until
  }

  #answer({ key, step, op, attempt, id }: Sent, outcome: CommandOutcome): void {
    for (const [name, open] of this.#open) if (open.id === id) this.#open.delete(name)
    this.#apply(key, { tag: 'answer', step, op, attempt, outcome })
  }

  #apply(key: string, input: SagaInput): string | null {
    const { saga } = this.#test
    const { instance, commands, ignored } = advance(saga, this.#instances.get(key) ?? null, input, this.#now)
    if (instance !== null) this.#instances.set(key, instance)
    for (const command of commands) this.#send(command, instance!)
    return ignored
  }

  #send(command: OutgoingCommand, instance: SagaInstance): void {
    const { key } = instance
    try {
      const { action, payload } = renderCommand(this.#test.saga, instance, command)
      const sent: Sent = { ...command, key, shown: { tag: 'sent', fields: shownPayload(action, payload) } }
      this.#sent.push(sent)
      this.#open.set(`${nameOfCommand(command)} ${key}`, sent)
    } catch (error) {
      if (!(error instanceof BingoError)) throw error
      const { code, message } = error
      const sent: Sent = { ...command, key, shown: { tag: 'error', error } }
      this.#sent.push(sent)
      this.#answer(sent, { tag: 'refused', code, message })
    }
  }
}

/** What is not as expected of the commands that were sent: all of them, in any order. */
function unmet(expected: readonly ExpectedCommand[], sent: readonly Sent[]): readonly string[] {
  const left = [...sent]
  const wrong = expected.flatMap((command) => {
    const name = nameOfCommand(command)
    const at = left.findIndex(({ step, op }) => step === command.step && op === command.op)
    if (at < 0) return [`expected ${name}, got ${left.length === 0 ? 'nothing' : left.map(nameOfCommand).join(', ')}`]
    const [{ shown }] = left.splice(at, 1) as [Sent]
    if (shown.tag === 'error') return [`${name} fails: ${shown.error.code} ${shown.error.message}`]
    return command.fields === undefined
      ? []
      : differences(command.fields, shown.fields).map((line) => `${name} ${line}`)
  })
  return [...wrong, ...left.map((command) => `${nameOfCommand(command)} is sent, but not expected`)]
}

function outcomeOf(answer: TestedAnswer): CommandOutcome {
  return answer.tag === 'done' ? { tag: 'done', value: answer.value as Value } : OUTCOMES[answer.tag]
}
