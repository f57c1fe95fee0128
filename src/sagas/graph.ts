import type { SagaDefinition, SagaStep } from '../model/saga/definition.ts'
import { writeDuration } from '../model/quantity.ts'

/** A definition as a Mermaid flowchart: its steps downwards, and the way back beside them. */
export function sagaGraph(saga: SagaDefinition): string[] {
  const stages = saga.stages.map((stage, number) => new Stage(saga, stage, number))
  const back = stages.filter(({ hasUndo }) => hasUndo)
  const first = stages[0]?.node ?? 'completed'
  return [
    'flowchart TD',
    `  start([${quoted(startText(saga))}])`,
    ...stages.flatMap((stage) => stage.steps()),
    '  completed([completed])',
    ...back.flatMap((stage) => stage.undos()),
    ...(back.length > 0 ? ['  compensated([compensated])'] : []),
    `  start --> ${first}`,
    ...stages.map(({ node }, number) => `  ${node} --> ${stages[number + 1]?.node ?? 'completed'}`),
    ...stages.flatMap(({ node, number }) => {
      const nearest = back.findLast((stage) => stage.number <= number)
      return nearest === undefined ? [] : [`  ${node} -. fails .-> ${nearest.undoNode}`]
    }),
    ...back.map(({ undoNode }, index) => `  ${undoNode} -.-> ${back[index - 1]?.undoNode ?? 'compensated'}`),
  ]
}

/** Steps that are taken at the same time; one alone is drawn without a frame. */
class Stage {
  readonly number: number
  readonly node: string
  readonly undoNode: string
  readonly hasUndo: boolean
  readonly #saga: SagaDefinition
  readonly #steps: readonly SagaStep[]

  constructor(saga: SagaDefinition, steps: readonly SagaStep[], number: number) {
    this.number = number
    this.#saga = saga
    this.#steps = steps
    const undone = steps.filter(({ compensate }) => compensate !== null)
    this.hasUndo = undone.length > 0
    this.node = steps.length === 1 ? this.#name(steps[0]!) : `stage${number}`
    this.undoNode = undone.length === 1 ? `${this.#name(undone[0]!)}u` : `stage${number}u`
  }

  steps(): string[] {
    const nodes = this.#steps.map((step) => `${this.#name(step)}[${quoted(stepText(this.#saga, step))}]`)
    return this.#framed(nodes, this.node)
  }

  undos(): string[] {
    const nodes = this.#steps.flatMap((step) =>
      step.compensate === null
        ? []
        : [`${this.#name(step)}u[${quoted([`undo ${step.id}`, targetText(step.compensate)])}]`],
    )
    return this.#framed(nodes, this.undoNode)
  }

  #framed(nodes: readonly string[], frame: string): string[] {
    if (nodes.length === 1) return [`  ${nodes[0]}`]
    return [`  subgraph ${frame} [in parallel]`, ...nodes.map((node) => `    ${node}`), '  end']
  }

  /** Ids of steps may be words of Mermaid's. */
  #name(step: SagaStep): string {
    return `s${this.number}_${this.#steps.indexOf(step)}`
  }
}

function startText({ id, rules, deadlineMs }: SagaDefinition): string[] {
  const starts = rules.filter(({ trigger }) => trigger.tag === 'start').map(({ rule }) => eventText(rule.on))
  return [id, ...starts, ...(deadlineMs === null ? [] : [`deadline ${writeDuration(deadlineMs)}`])]
}

function stepText({ rules }: SagaDefinition, step: SagaStep): string[] {
  const events = (tag: 'confirm' | 'reject', verb: string): string[] =>
    rules
      .filter(({ trigger }) => trigger.tag === tag && trigger.step === step.id)
      .map(({ rule }) => `${verb} by ${eventText(rule.on)}`)
  return [
    step.id,
    targetText(step.action),
    ...(step.when === null ? [] : ['only when its condition holds']),
    ...events('confirm', 'confirmed'),
    ...events('reject', 'rejected'),
    ...(step.timeoutMs === null ? [] : [`timeout ${writeDuration(step.timeoutMs)}`]),
  ]
}

function targetText({ type, target }: SagaStep['action']): string {
  return target.id.startsWith(type) ? target.id : `${type} ${target.id}`
}

function eventText(on: { readonly patterns: readonly string[] } | null): string {
  return on === null ? 'a row change' : on.patterns.join(' or ')
}

/** Mermaid takes entities for what means something to it. */
function quoted(lines: readonly string[]): string {
  const text = lines.map((line) => line.replaceAll('&', '#amp;').replaceAll('"', '#quot;').replaceAll('<', '#lt;'))
  return `"${text.join('<br/>')}"`
}
