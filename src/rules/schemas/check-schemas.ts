import type { Problem, SourceLocation } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { RULE_CODES } from '../codes.ts'
import { parseCel } from '../language/cel/cel-engine.ts'
import { pathsIn } from '../language/cel/values/cel-kinds.ts'
import type { Literal, PatternMap, PatternNode } from '../language/pattern/pattern.ts'
import type { SourceText } from '../language/source-text.ts'
import type { RuleChecks } from '../rule-checks.ts'
import type { TypeSchema } from './event-schemas.ts'
import { SchemaWalk } from './schema-walk.ts'
import type { SchemaNode } from './schema-walk.ts'

/** A field of a payload that a rule reads. */
interface PayloadRead {
  /** Below `payload`. */
  readonly path: readonly string[]
  readonly location: SourceLocation
  /** NULL and missing values are an error there. */
  readonly strict: boolean
  /** Values that it is compared with by a pattern. */
  readonly values?: readonly Literal[] | undefined
}

interface JudgedSchema {
  readonly type: string
  readonly walk: SchemaWalk
}

/**
 * What rules read of payloads that no schema of their types knows: an error where the schemas are closed, else a warning;
 * values that a field never has, and fields that may be missing where that is an error.
 */
export function checkRulesAgainstSchemas(rules: readonly RuleChecks[], schemas: readonly TypeSchema[]): Problem[] {
  return rules.flatMap((checks) => {
    const { on } = checks.rule
    if (on === null || !on.kinds.has('posted')) return []
    const own = schemas.filter(({ type }) => !type.includes('*') && on.matches(type))
    if (own.length === 0) return []
    const judged = own.map(({ type, schema }) => ({ type, walk: new SchemaWalk(schema as SchemaNode) }))
    return readsOf(checks).flatMap((read) => judge(read, judged, checks.rule.id))
  })
}

/** Of several types the rule may mean one: what one of them has is right. */
function judge(read: PayloadRead, schemas: readonly JudgedSchema[], ruleId: string): readonly Problem[] {
  const name = ['payload', ...read.path].join('.')
  const verdicts = schemas.map(({ walk }) => walk.at(read.path))
  const types = schemas.map(({ type }) => type).join(', ')
  const warning = (message: string, hint: string): Problem => ({
    code: RULE_CODES.unknownField,
    severity: 'warning',
    location: read.location,
    message,
    hint,
    ruleId,
  })
  if (verdicts.every(({ tag }) => tag !== 'known')) {
    const severity = verdicts.every(({ tag }) => tag === 'refused') ? 'error' : 'warning'
    return [{ ...warning(`the schema of ${types} has no ${name}`, hintFor(read.path, schemas)), severity }]
  }
  const [first] = verdicts
  if (schemas.length > 1 || first?.tag !== 'known') return []
  const { walk } = schemas[0]!
  if (read.strict && !first.required) {
    return [
      warning(
        `${name} may be missing: rendering then fails`,
        `filter such events out, or write {{default ${name} "none"}}`,
      ),
    ]
  }
  const wrong = (read.values ?? []).flatMap((value) => whyNever(value, first.node, walk))
  return wrong.map(({ message, hint }) => warning(`${name} ${message}`, hint))
}

function hintFor(path: readonly string[], schemas: readonly JudgedSchema[]): string {
  for (let depth = path.length - 1; depth >= 0; depth--) {
    const names = [...new Set(schemas.flatMap(({ walk }) => walk.namesAt(path.slice(0, depth))))]
    if (names.length === 0) continue
    const nearest = nearestName(path[depth]!, names)
    return nearest === undefined
      ? `it has ${names.join(', ')}`
      : `did you mean ${['payload', ...path.slice(0, depth), nearest].join('.')}?`
  }
  return 'add it to the schema'
}

function whyNever(
  value: Literal,
  node: SchemaNode,
  walk: SchemaWalk,
): readonly { readonly message: string; readonly hint: string }[] {
  const known = walk.valuesOf(node)
  if (known !== undefined) {
    if (known.includes(value)) return []
    const texts = known.filter((each) => typeof each === 'string')
    const nearest = typeof value === 'string' ? nearestName(value, texts) : undefined
    const hint =
      nearest === undefined
        ? `write one of ${known.map((each) => JSON.stringify(each)).join(', ')}`
        : `did you mean "${nearest}"?`
    return [{ message: `never is ${show(value)}`, hint }]
  }
  const types = walk.typesOf(node)
  if (types === undefined || types.some((type) => fits(value, type))) return []
  return [{ message: `never is ${show(value)}: it is ${types.join(' or ')}`, hint: 'write a value of this type' }]
}

function show(value: Literal): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

function fits(value: Literal, type: string): boolean {
  if (type === 'integer' || type === 'number') return typeof value === 'number' || typeof value === 'bigint'
  return typeof value === type
}

function readsOf({ match, filter, key, actions }: RuleChecks): readonly PayloadRead[] {
  const templates = [
    ...(key === undefined ? [] : [{ template: key, strict: false }]),
    ...actions.flatMap((action) => action.templates),
  ]
  return [
    ...(match === undefined ? [] : readsOfPattern(match)),
    ...[filter, ...actions.map(({ when }) => when)].flatMap(readsOfText),
    ...templates.flatMap(({ template, strict }) =>
      template.paths.flatMap(({ path, sole }) => {
        const below = belowPayload(path.parts)
        const location = template.source.locate(path.offset)
        return below === undefined ? [] : [{ path: below, location, strict: strict && sole }]
      }),
    ),
  ]
}

/** What is tested with `has` is read as well: a field that no payload has is never there. */
function readsOfText(text: SourceText | undefined): readonly PayloadRead[] {
  if (text === undefined) return []
  return pathsIn(parseCel(text.text, text.scope).ast).flatMap(({ path, offset }) => {
    const below = belowPayload(path)
    return below === undefined ? [] : [{ path: below, location: text.locate(offset), strict: false }]
  })
}

function readsOfPattern({ entries }: PatternMap): readonly PayloadRead[] {
  return entries.flatMap(({ key, node }) => (key === 'payload' ? readsOfNode(node, []) : []))
}

function readsOfNode(node: PatternNode, path: readonly string[]): readonly PayloadRead[] {
  if (node.tag !== 'map') return []
  return node.entries.flatMap(({ key, location, node: inner }): readonly PayloadRead[] => {
    const own = [...path, key]
    // What is inside of a map is judged with it.
    if (inner.tag === 'map' && inner.entries.length > 0) return readsOfNode(inner, own)
    if (inner.tag === 'map') return [{ path: own, location, strict: false }]
    return [{ path: own, location, strict: false, values: inner.tag === 'values' ? inner.values : undefined }]
  })
}

function belowPayload(path: readonly string[]): readonly string[] | undefined {
  const [head, ...rest] = path[0] === 'event' ? path.slice(1) : path
  return head === 'payload' && rest.length > 0 ? rest : undefined
}
