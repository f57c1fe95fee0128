import type { ActionDefaults, ActionType } from '../../model/rule/action.ts'
import type { SpoolLimits, TargetConfig } from '../../model/rule/target-config.ts'
import type { SourceLocation } from '../../model/errors.ts'
import { ProblemsError } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { READS_WHOLE_ROW } from '../../model/table/column-reads.ts'
import type { ActionPlan, Rule } from '../../model/rule/rule.ts'
import type { Predicate } from '../../model/rule/expression.ts'
import { compilePredicate } from '../language/cel/predicate.ts'
import { digest, identify } from '../action-identity.ts'
import { TreeActionSpec } from '../action-spec.ts'
import { RULE_CODES } from '../codes.ts'
import { DELIVERY_KEYS, readDelivery } from './delivery-options.ts'
import type { DeliveryOptions } from './delivery-options.ts'
import { NO_RULE_FACTS } from '../language/fact-values.ts'
import type { RuleFacts } from '../language/fact-values.ts'
import type { SourceText } from '../language/source-text.ts'
import type { ActionChecks, CheckedTemplate } from '../rule-checks.ts'
import { usedLookups } from './used-lookups.ts'
import { readSpool } from './read-spool.ts'
import { ValueReader } from './read-values.ts'
import { Reporter } from '../reporter.ts'
import { sourceText } from '../files/rule-text.ts'
import type { SecretSource } from '../files/rule-text.ts'
import { entryOf, plainValue } from '../yaml/tree.ts'
import type { MapNode, TreeNode } from '../yaml/tree.ts'

/** A target as it stands under `targets:` of the configuration. */
export interface TargetSource {
  /** A map in a right configuration. */
  readonly tree: TreeNode
  /** Place of the name. */
  readonly location: SourceLocation
}

/** What rules are read with. */
export interface RuleContext {
  readonly reporter: Reporter
  readonly secrets: SecretSource
  readonly actionTypes: ReadonlyMap<string, ActionType>
  readonly targets: ReadonlyMap<string, TargetSource>
  readonly defaults: ActionDefaults
  readonly delivery: DeliveryOptions
}

/** What an action takes from its rule. */
export interface RuleOfAction {
  readonly rule: Rule
  readonly facts: RuleFacts
  /** As in SourceText. */
  readonly scope: SourceText['scope']
  readonly delivery: MapNode
  readonly coalesce: 'latest' | 'none' | undefined
  /** Gets what can be checked against tables. */
  readonly checks: ActionChecks[]
  /** `id:` of the actions before it; it adds its own. */
  readonly ids: Set<string>
}

const COMMON_KEYS = ['id', 'type', 'target', 'when', ...DELIVERY_KEYS]
/** What says how an action is delivered, or when, and not what it does. */
const NOT_OF_IDENTITY = ['id', 'type', 'target', 'when', ...DELIVERY_KEYS]

/** Reads one action; undefined when it cannot be used (what is wrong is reported). */
export function readAction(
  node: TreeNode,
  index: number,
  { rule, scope, facts, delivery: ruleMap, coalesce, checks, ids }: RuleOfAction,
  context: RuleContext,
): ActionPlan | undefined {
  const reader = new ValueReader(context.reporter, rule.id)
  const map = reader.map(node, `actions[${index}]`, 'write for example - type: redis')
  if (map === undefined) return undefined
  const named = readTargetName(map, reader, context)
  const type = readType(map, named?.map, reader, context)
  if (type === undefined) return undefined
  reader.knownKeys(map, `a ${type.type} action`, [...COMMON_KEYS, ...Object.keys(type.fields)])
  const before = context.reporter.errorCount
  const templates: CheckedTemplate[] = []
  const spec = new TreeActionSpec(
    {
      ruleId: rule.id,
      scope,
      hasDebounce: rule.debounce !== null,
      targetName: named?.name,
      reporter: context.reporter,
      secrets: context.secrets,
      facts,
      templates,
    },
    named === undefined ? [map] : [map, named.map],
    type.fields,
    `a ${type.type} action`,
  )
  const compiled = type.compile(spec, context.defaults)
  const onRule = readDelivery(ruleMap, context.delivery, silent(reader))
  // Its rate is one limit for all that goes there, and none of the action.
  const onTarget = named && readDelivery(named.map, { ...onRule, ratePerSecond: null }, silent(reader))
  const { ratePerSecond } = onRule
  const delivery = readDelivery(map, onTarget === undefined ? onRule : { ...onTarget, ratePerSecond }, reader)
  const when = readWhen(map, reader, { ruleId: rule.id, scope }, facts)
  const id = readActionId(map, reader, ids)
  if (context.reporter.errorCount > before) return undefined
  checks.push({ when: when?.text, templates })
  const target = compiled.target.id
  const spool = named && readSpool(named.map, silent(reader))
  const lookups = usedLookups(rule, when?.predicate, templates)
  return {
    rule,
    index,
    ...identify({ type, map, id, target, delivery: NOT_OF_IDENTITY }),
    type: type.type,
    location: map.location,
    target: named === undefined ? compiled.target : asNamed(compiled.target, named.map, spool, onTarget?.ratePerSecond),
    coalesce: coalesce ?? type.defaultCoalesce(spec),
    when: when?.predicate ?? null,
    lookups,
    onFailure: delivery.onFailure,
    retry: delivery.retry,
    timeoutMs: delivery.timeoutMs,
    ratePerSecond: delivery.ratePerSecond,
    // What is evaluated later may fail then, and a repaired rule may read other columns.
    reads: (table) => (lookups === null ? compiled.reads(table) : READS_WHOLE_ROW),
    // What is rendered later has no image any more.
    ...(lookups === null && compiled.decodes !== undefined && { decodes: compiled.decodes }),
    ...(compiled.writesBytes && { writesBytes: true }),
    bind: (table) => compiled.bind(table),
    bindPreviousKey: compiled.bindPreviousKey,
    options: compiled.options,
  }
}

/** Not digits alone: these were the places of actions in the ids of dead letters, once. */
const ACTION_ID = /^(?!\d+$)[^\p{Cc}#]{1,64}$/u

function readActionId(map: MapNode, reader: ValueReader, taken: Set<string>): string | undefined {
  const entry = entryOf(map, 'id')
  if (entry === undefined) return undefined
  const id = reader.string(entry.value, 'id')
  if (id === undefined) return undefined
  if (!ACTION_ID.test(id) || id.trim() !== id) {
    const hint =
      'write 1 to 64 characters, not only digits, without #, control characters, or leading or trailing spaces'
    return reader.fail(entry.value, RULE_CODES.value, 'the action id is not valid', hint)
  }
  if (!taken.has(id)) {
    taken.add(id)
    return id
  }
  const message = `another action of this rule has the id "${id}"`
  return reader.fail(entry.value, RULE_CODES.duplicateId, message, 'rename one of the two')
}

/** Rule and target are reported once where they stand, not again by each of their actions. */
function silent(reader: ValueReader): ValueReader {
  return new ValueReader(new Reporter(), reader.ruleId)
}

interface NamedTarget {
  readonly name: string
  readonly map: MapNode
}

function readTargetName(map: MapNode, reader: ValueReader, { targets }: RuleContext): NamedTarget | undefined {
  const entry = entryOf(map, 'target')
  if (entry === undefined) return undefined
  const name = reader.string(entry.value, 'target')
  if (name === undefined) return undefined
  const target = targets.get(name)
  if (target === undefined) {
    const nearest = nearestName(name, targets.keys())
    const hint =
      nearest !== undefined
        ? `did you mean "${nearest}"?`
        : targets.size === 0
          ? 'define it under targets: in the configuration'
          : `write one of ${[...targets.keys()].join(', ')}`
    return reader.fail(entry.value, RULE_CODES.unknownTarget, `target "${name}" does not exist`, hint)
  }
  return target.tree.tag === 'map' ? { name, map: target.tree } : undefined
}

function readType(
  map: MapNode,
  target: MapNode | undefined,
  reader: ValueReader,
  { actionTypes }: RuleContext,
): ActionType | undefined {
  const entry = entryOf(map, 'type') ?? (target && entryOf(target, 'type'))
  if (entry === undefined) {
    if (entryOf(map, 'target') !== undefined && target === undefined) return undefined
    return reader.fail(
      map,
      RULE_CODES.missing,
      'an action needs "type"',
      `write one of ${[...actionTypes.keys()].join(', ')}`,
    )
  }
  const name = reader.oneOf(entry.value, 'type', [...actionTypes.keys()])
  if (name === undefined) return undefined
  const targetType = target && entryOf(target, 'type')?.value
  if (targetType?.tag === 'scalar' && typeof targetType.value === 'string' && targetType.value !== name) {
    const target_ = String(targetType.value)
    return reader.fail(entry.value, RULE_CODES.value, `the action has type ${name}, but its target has type ${target_}`)
  }
  return actionTypes.get(name)
}

function readWhen(map: MapNode, reader: ValueReader, of: TextOwner, facts: RuleFacts): ReadPredicate | undefined {
  const entry = entryOf(map, 'when')
  return entry && readPredicate(entry.value, 'when', reader, of, facts)
}

/** Whose text it is. */
type TextOwner = Pick<SourceText, 'ruleId' | 'scope'>

export interface ReadPredicate {
  readonly predicate: Predicate
  readonly text: SourceText
}

/** Reads a CEL expression; undefined when it is wrong. */
export function readPredicate(
  node: TreeNode,
  name: string,
  reader: ValueReader,
  { ruleId, scope }: TextOwner,
  facts: RuleFacts = NO_RULE_FACTS,
): ReadPredicate | undefined {
  const isBoolean = node.tag === 'scalar' && typeof node.value === 'boolean'
  if (node.tag !== 'scalar' || (!isBoolean && reader.string(node, name) === undefined)) {
    return node.tag === 'scalar' ? undefined : reader.wrongType(node, name, 'a CEL expression')
  }
  try {
    const written = sourceText(node, ruleId, scope)
    // YAML reads True too, CEL does not.
    const text = isBoolean ? { ...written, text: String(node.value) } : written
    return { predicate: compilePredicate(text, facts), text }
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    reader.reporter.add(error.problems)
    return undefined
  }
}

/** Checks a named target on its own: its type, its keys, its delivery options. */
export function checkTarget(name: string, target: TargetSource, context: RuleContext): void {
  const reader = new ValueReader(context.reporter, undefined)
  const map = reader.map(target.tree, `target "${name}"`, `write for example ${name}: {type: webhook, url: …}`)
  if (map === undefined) return
  const type = readType(map, undefined, reader, context)
  if (type === undefined) return
  reader.knownKeys(map, `a ${type.type} target`, ['type', 'spool', ...DELIVERY_KEYS, ...type.targetFields])
  readDelivery(map, context.delivery, reader)
  readSpool(map, reader)
}

function asNamed(
  target: TargetConfig,
  map: MapNode,
  spool: SpoolLimits | undefined,
  rate: number | null | undefined,
): TargetConfig {
  const limits = { ...(spool !== undefined && { spool }), ...(rate != null && { ratePerSecond: rate }) }
  return { ...target, version: digest(plainValue(map)), ...limits }
}
