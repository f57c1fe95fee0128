import { preparationOf } from '../match/change-program.ts'
import { asEvaluationError, bindOrFail } from '../match/program/bound-rule.ts'
import type { BoundAction } from '../match/program/bound-rule.ts'
import type { EvaluationError, EvaluationStage } from '../model/errors.ts'
import { FORMER } from '../model/delivery/waiting.ts'
import type { Preparation } from '../model/delivery/preparation.ts'
import type { Change } from '../model/event/change.ts'
import { keyChanged } from '../model/event/row-key.ts'
import { conditionOf } from '../model/rule/condition.ts'
import type { ActionPlan, Payload } from '../model/rule/rule.ts'
import type { TableDef } from '../model/table/table.ts'

/** One thing to send; `previous`: it acts on the key that the row had before an UPDATE of it. */
export interface Rendered {
  readonly payload: Payload
  /** Rows of other tables have to be read before there is a payload; null: none. */
  readonly preparation: Preparation | null
  readonly key: 'present' | 'previous'
}

/** What an action sends for an event that was kept: mostly one thing, and nothing where its rule does not match it any more. */
export type Evaluated =
  | { readonly rendered: readonly Rendered[]; readonly failure: null }
  | { readonly failure: { readonly stage: EvaluationStage; readonly error: EvaluationError } }

/** What is kept of a job, as far as it decides what is evaluated. */
interface Kept {
  readonly id: string
  readonly stage?: EvaluationStage | undefined
  /** Filter and `when` are asked again, whatever they answered when it was kept. */
  readonly recheck?: boolean | undefined
}

interface BoundKept extends Pick<BoundAction, 'when' | 'render' | 'renderPreviousKey'> {
  readonly filter: ((change: Change) => boolean) | null
}

/** Compiled once per action and table: a million events of one shape may be kept. */
const bound = new WeakMap<ActionPlan, WeakMap<TableDef, BoundKept>>()

/** Asks what could not be answered when the event was kept; what had been answered then is asked again where `recheck` says so. */
export function evaluate(action: ActionPlan, { id, stage, recheck = false }: Kept, change: Change): Evaluated {
  const { filter, when, render, renderPreviousKey } = bind(action, change.table)
  let at: EvaluationStage = 'filter'
  try {
    // It was never counted, and is one of many: no retry makes the rule fire.
    if (stage === 'filter' && action.rule.threshold && change.facts?.threshold === undefined) return NOTHING
    if ((stage === 'filter' || recheck) && filter !== null && !filter(change)) return NOTHING
    at = 'when'
    const asks = (stage === 'filter' || stage === 'when' || recheck) && when !== null
    const { lookups } = action
    const deferred = lookups !== null && lookups !== undefined
    if (asks && !(deferred && lookups.inWhen) && !when(change)) return NOTHING
    at = 'payload'
    const rendered = (by: BoundAction['render'], key: Rendered['key']): Rendered =>
      deferred
        ? { payload: undefined, preparation: preparationOf(action, { when, render: by }, change, asks), key }
        : { payload: by(change), preparation: null, key }
    const present = (): Rendered => rendered(render, 'present')
    if (renderPreviousKey === null) return { rendered: [present()], failure: null }
    const previous = (): Rendered => rendered(renderPreviousKey, 'previous')
    // A key that an UPDATE left behind is kept by itself (waiting/record.ts), if it could be rendered at all.
    if (id.endsWith(FORMER)) return { rendered: [previous()], failure: null }
    const both = stage !== undefined && isRekeyed(action, change)
    return { rendered: both ? [previous(), present()] : [present()], failure: null }
  } catch (error) {
    return { failure: { stage: at, error: asEvaluationError(error) } }
  }
}

const NOTHING: Evaluated = { rendered: [], failure: null }

function isRekeyed({ rule }: ActionPlan, change: Change): boolean {
  const { table, op, old, new: new_ } = change
  return keyChanged(table, op, old, new_) || rule.key?.of(change).previous != null
}

function bind(action: ActionPlan, table: TableDef): BoundKept {
  let tables = bound.get(action)
  if (tables === undefined) bound.set(action, (tables = new WeakMap()))
  let kept = tables.get(table)
  if (kept === undefined) {
    const { rule, when, bindPreviousKey } = action
    const condition = conditionOf(rule)
    kept = {
      filter: condition === null ? null : bindOrFail(() => condition.bind(table)),
      when: when === null ? null : bindOrFail(() => when.bind(table)),
      render: bindOrFail(() => action.bind(table)),
      renderPreviousKey: bindPreviousKey === undefined ? null : bindOrFail(() => bindPreviousKey(table)),
    }
    tables.set(table, kept)
  }
  return kept
}
