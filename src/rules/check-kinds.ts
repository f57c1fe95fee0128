import type { Problem, SourceLocation } from '../model/errors.ts'
import { isOutboxName } from '../model/event/posted/outbox-event.ts'
import type { EventKind } from '../model/rule/rule.ts'
import { parseCel } from './language/cel/cel-engine.ts'
import { readsOfKinds } from './language/cel/values/cel-kinds.ts'
import { kindOfMember } from './language/event-kinds.ts'
import type { KindRead } from './language/event-kinds.ts'
import type { PatternMap } from './language/pattern/pattern.ts'
import type { SourceText } from './language/source-text.ts'
import type { ParsedTemplate } from './language/template/template-render.ts'
import { RULE_CODES } from './codes.ts'
import type { ReadOn } from './read/read-on.ts'
import { whyNothing } from './read/read-on.ts'
import type { RuleChecks } from './rule-checks.ts'

interface PlacedRead {
  readonly kind: KindRead['kind']
  readonly text: string
  readonly location: SourceLocation
}

const OTHER: { readonly [kind in EventKind]: EventKind } = { row: 'posted', posted: 'row' }
const NAMES = { row: 'changes of rows', posted: 'posted events' } as const
const TO_BE = {
  row: 'write source: database where the rule is for rows',
  posted: 'name the sources of posted events in source, such as source: [api, frontend]',
} as const

/**
 * Settles what a rule with `on` is for: what it says of types and sources, and what it reads. A type can be one of a row
 * and of a posted event, which have nothing in common but their envelope: what reads of both cannot be meant for either.
 */
export function settleKinds(read: ReadOn, checks: RuleChecks): readonly Problem[] {
  const { possible, on } = read
  const problem = (location: SourceLocation, message: string, hint: string): Problem => ({
    code: RULE_CODES.eventKind,
    severity: 'error',
    location,
    message,
    hint,
    ruleId: checks.rule.id,
  })
  const nothing = whyNothing(read)
  if (nothing !== undefined) return [problem(read.location, nothing, 'correct on, or source')]
  const reads = readsOf(checks)
  const unknown = reads.find(({ kind }) => kind === 'none')
  if (unknown !== undefined) {
    const hint = 'it has id, type, source, key, payload, context, metadata, userId and so on: see events.md'
    return [problem(unknown.location, `events have no "${unknown.text.replace(/^event\./, '')}"`, hint)]
  }
  const [only] = possible
  if (possible.size === 1) {
    const wrong = reads.filter(({ kind, text }) => kind === OTHER[only!] && !(only === 'posted' && isOfOutbox(text)))
    on.kinds.add(only!)
    return wrong.map(({ text, location }) =>
      problem(location, `reads ${text}, which ${NAMES[only!]} do not have`, hintFor(text, only!)),
    )
  }
  const [row, posted] = (['row', 'posted'] as const).map((wanted) => reads.find(({ kind }) => kind === wanted))
  if (row !== undefined && posted !== undefined) {
    const message = `reads ${row.text}, which only rows have, and ${posted.text}, which only posted events have`
    return [problem(row.location, message, `${hintFor(row.text, 'posted')}, or ${TO_BE.row}`)]
  }
  const either = row === undefined && posted === undefined ? reads.find(({ kind }) => kind === 'either') : undefined
  if (either !== undefined) {
    const { text, location } = either
    const message = `{{${text}}} is a column of a row and the ${text} of a posted event, and the rule matches both`
    return [problem(location, message, `write {{new.${text}}} or {{event.${text}}}, or ${TO_BE.row}`)]
  }
  if (posted === undefined) on.kinds.add('row')
  if (row === undefined) on.kinds.add('posted')
  return []
}

/** A bare name that is a column of a row, and of events that come from an outbox what its row says. */
function isOfOutbox(text: string): boolean {
  return isOutboxName(text.split('.', 1)[0]!)
}

/** What would be right where an event of this kind is read. */
function hintFor(text: string, kind: EventKind): string {
  const name = text.replace(/^(event|new|old|NewRow|OldRow|payload)\./, '')
  return kind === 'posted' ? `write payload.${name}` : `write new.${name}`
}

function readsOf({ match, filter, key, actions }: RuleChecks): readonly PlacedRead[] {
  return [
    ...(match === undefined ? [] : readsOfPattern(match)),
    ...readsOfText(filter),
    ...(key === undefined ? [] : readsOfTemplate(key)),
    ...actions.flatMap(({ when, templates }) => [
      ...readsOfText(when),
      ...templates.flatMap(({ template }) => readsOfTemplate(template)),
    ]),
  ]
}

function readsOfText(text: SourceText | undefined): readonly PlacedRead[] {
  if (text === undefined) return []
  return readsOfKinds(parseCel(text.text, text.scope).ast).map(({ offset, ...read }) => ({
    ...read,
    location: text.locate(offset),
  }))
}

function readsOfTemplate({ paths, source }: ParsedTemplate): readonly PlacedRead[] {
  return paths.flatMap(({ path }) => {
    const kind = kindOfPath(path.parts)
    return kind === null ? [] : [{ kind, text: path.parts.join('.'), location: source.locate(path.offset) }]
  })
}

/** A bare name that no event has is a column. */
function kindOfPath([head, ...rest]: readonly string[]): PlacedRead['kind'] | null {
  if (head === undefined) return 'row'
  if (head === 'event') return kindOfMember(rest) ?? null
  if (rest.length === 0 && (head === 'id' || head === 'type' || head === 'source')) return 'either'
  const kind = kindOfMember([head, ...rest])
  return kind === undefined ? 'row' : kind
}

function readsOfPattern({ entries }: PatternMap): readonly PlacedRead[] {
  return entries.flatMap(({ key, node, location }) => {
    const isMap = node.tag === 'map'
    const inner = isMap && (key === 'payload' || key === 'key') ? node.entries.map((entry) => entry.key) : []
    const paths = inner.length === 0 ? [[key]] : inner.map((name) => [key, name])
    // The time of a row; posted events have a timestamp.
    const kinds = new Set(key === 'ts' ? (['row'] as const) : paths.map((path) => kindOfMember(path)))
    return [...kinds].flatMap((kind) =>
      kind === null ? [] : [{ kind: kind ?? ('none' as const), text: key, location }],
    )
  })
}
