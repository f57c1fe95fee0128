import { nearestName } from '../../model/nearest-name.ts'
import { parseDuration } from '../../model/quantity.ts'
import { stepsOf, type SagaDefinition } from '../../model/saga/definition.ts'
import { SAGA_STATUSES } from '../../model/saga/instance.ts'
import type { Reporter } from '../../rules/reporter.ts'
import type { SampleEvent } from '../../rules/samples/sample-change.ts'
import { dataOf, describeNode, entryOf, type MapNode, type TreeNode } from '../../rules/yaml/tree.ts'
import type { Chapter, CommandName, ExpectedCommand, SagaTest, StoryInput, TestedAnswer } from './story.ts'

const TEST_KEYS = ['name', 'saga', 'given']
const OPERATOR = ['retry', 'skip', 'complete', 'compensate'] as const
const INPUT_KEYS = ['event', 'answer', 'after', ...OPERATOR] as const
const CHAPTER_KEYS = [...INPUT_KEYS, 'key', 'expect', 'status']
const ANSWERS = ['done', 'refused', 'failed', 'down'] as const

/** A test of a saga; undefined: it cannot be used, and what is wrong is reported. */
export function readSagaTest(map: MapNode, sagas: readonly SagaDefinition[], reporter: Reporter): SagaTest | undefined {
  const reader = new StoryReader(reporter)
  reader.knownKeys(map, TEST_KEYS, 'a test of a saga')
  const node = entryOf(map, 'saga')!.value
  const id = textOf(node)
  const saga = sagas.find((each) => each.id === id)
  if (saga === undefined) {
    const ids = sagas.map((each) => each.id)
    return reader.fail(node, `saga "${String(id)}" does not exist or is disabled`, meant(String(id), ids))
  }
  const given = entryOf(map, 'given')?.value
  if (given?.tag !== 'list' || given.items.length === 0) {
    return reader.fail(
      given ?? map,
      'a test of a saga needs a list "given"',
      'write given: [{event: {…}, expect: […]}]',
    )
  }
  const chapters = given.items.map((item) => reader.chapter(item, saga))
  const name = textOf(entryOf(map, 'name')?.value) ?? `saga ${saga.id}`
  return { name, location: map.location, saga, chapters: chapters.flatMap((chapter) => chapter ?? []) }
}

class StoryReader {
  readonly #reporter: Reporter

  constructor(reporter: Reporter) {
    this.#reporter = reporter
  }

  fail({ location }: Pick<TreeNode, 'location'>, message: string, hint: string): undefined {
    this.#reporter.error('BINGO_TEST_INVALID', location, message, hint)
  }

  knownKeys(map: MapNode, known: readonly string[], what: string): void {
    for (const { key, keyLocation } of map.entries) {
      if (known.includes(key)) continue
      this.fail({ location: keyLocation }, `"${key}" is not a valid key of ${what}`, meant(key, known))
    }
  }

  chapter(node: TreeNode, saga: SagaDefinition): Chapter | undefined {
    if (node.tag !== 'map') {
      return this.fail(node, `expected a map, got ${describeNode(node)}`, `write one of ${INPUT_KEYS.join(', ')}`)
    }
    this.knownKeys(node, CHAPTER_KEYS, 'an entry of given')
    const inputs = INPUT_KEYS.filter((key) => entryOf(node, key) !== undefined)
    if (inputs.length !== 1) {
      return this.fail(
        node,
        `an entry of given needs exactly one of ${INPUT_KEYS.join(', ')}`,
        'write one entry for each',
      )
    }
    const input = this.#input(inputs[0]!, entryOf(node, inputs[0]!)!.value, saga)
    const expect = entryOf(node, 'expect')?.value
    const commands = expect && this.#commands(expect, saga)
    const state = entryOf(node, 'status')?.value
    const status = SAGA_STATUSES.find((each) => each === textOf(state))
    if (state !== undefined && status === undefined) {
      const text = String(textOf(state))
      this.fail(state, `"${text}" is not a status of an instance`, meant(text, SAGA_STATUSES))
    }
    return input && { location: node.location, input, key: textOf(entryOf(node, 'key')?.value), commands, status }
  }

  #input(key: (typeof INPUT_KEYS)[number], value: TreeNode, saga: SagaDefinition): StoryInput | undefined {
    switch (key) {
      case 'event':
        if (value.tag === 'map') return { tag: 'event', event: dataOf(value) as SampleEvent }
        return this.fail(value, '"event" must be a map', 'write type and payload, or op, table, old and new')
      case 'answer':
        return this.#answers(value, saga)
      case 'after': {
        const ms = parseDuration(textOf(value) ?? '')
        if (ms !== undefined) return { tag: 'after', ms }
        return this.fail(value, '"after" must be a duration', 'write a number and a unit, such as 30s or 5m')
      }
      case 'retry':
      case 'skip':
      case 'complete':
      case 'compensate':
        return this.#operator(key, value, saga)
    }
  }

  /** `retry: true`, or `retry: reserve`. */
  #operator(command: (typeof OPERATOR)[number], value: TreeNode, saga: SagaDefinition): StoryInput | undefined {
    if (value.tag === 'scalar' && value.value === true) return { tag: 'operator', command, step: null }
    const step = textOf(value)
    if (step !== undefined && (command === 'retry' || command === 'skip')) {
      return this.#knownStep(value, step, saga) ? { tag: 'operator', command, step } : undefined
    }
    const hint =
      command === 'retry' || command === 'skip' ? `write ${command}: true, or a step` : `write ${command}: true`
    return this.fail(value, `"${command}" has an invalid value`, hint)
  }

  #answers(node: TreeNode, saga: SagaDefinition): StoryInput | undefined {
    const hint = 'write for example answer: {reserve: done}, {reserve: refused}, or {charge: {done: {payment: 7}}}'
    if (node.tag !== 'map') return this.fail(node, '"answer" must be a map', hint)
    const answers = node.entries.flatMap(({ key, keyLocation, value }) => {
      const of = this.#command({ location: keyLocation }, key, saga)
      const answer = answerOf(value)
      if (answer === undefined) this.fail(value, `the answer of "${key}" must be ${ANSWERS.join(', ')}`, hint)
      return of === undefined || answer === undefined ? [] : [{ of, answer }]
    })
    return { tag: 'answers', answers }
  }

  #commands(node: TreeNode, saga: SagaDefinition): readonly ExpectedCommand[] {
    const items = node.tag === 'list' ? node.items : [node]
    return items.flatMap((item) => {
      const text = textOf(item)
      if (text !== undefined) return withFields(this.#command(item, text, saga), undefined)
      const [entry, ...more] = item.tag === 'map' ? item.entries : []
      if (entry === undefined || more.length > 0) {
        this.fail(
          item,
          'expect names the commands that are sent',
          'write a step, undo STEP, or {STEP: {body: …}} for each',
        )
        return []
      }
      return withFields(this.#command({ location: entry.keyLocation }, entry.key, saga), dataOf(entry.value))
    })
  }

  #command(at: Pick<TreeNode, 'location'>, text: string, saga: SagaDefinition): CommandName | undefined {
    const [, undo, step] = /^(undo )?(.*)$/s.exec(text)!
    if (!this.#knownStep(at, step!, saga)) return undefined
    if (undo === undefined) return { step: step!, op: 'do' }
    if (stepsOf(saga).some(({ id, compensate }) => id === step && compensate !== null))
      return { step: step!, op: 'undo' }
    return this.fail(at, `the step "${step}" has no compensate`, 'it is never undone')
  }

  #knownStep(at: Pick<TreeNode, 'location'>, step: string, saga: SagaDefinition): boolean {
    const steps = stepsOf(saga).map(({ id }) => id)
    if (steps.includes(step)) return true
    this.fail(at, `the saga "${saga.id}" has no step "${step}"`, meant(step, steps))
    return false
  }
}

function withFields(command: CommandName | undefined, fields: unknown): readonly ExpectedCommand[] {
  return command === undefined ? [] : [{ ...command, fields }]
}

function answerOf(node: TreeNode): TestedAnswer | undefined {
  if (node.tag === 'map') {
    const done = entryOf(node, 'done')
    return done === undefined || node.entries.length > 1 ? undefined : { tag: 'done', value: dataOf(done.value) }
  }
  const tag = ANSWERS.find((each) => each === textOf(node))
  return tag === 'done' ? { tag, value: null } : tag && { tag }
}

function textOf(node: TreeNode | undefined): string | undefined {
  if (node?.tag !== 'scalar' || node.value === null || typeof node.value === 'boolean') return undefined
  return String(node.value)
}

function meant(text: string, known: readonly string[]): string {
  const nearest = nearestName(text, known)
  if (nearest !== undefined) return `did you mean "${nearest}"?`
  return known.length === 0 ? 'there is none' : `there are ${known.join(', ')}`
}
