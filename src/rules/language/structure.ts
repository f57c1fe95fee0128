import type { Change } from '../../model/event/change.ts'
import type { Value } from '../../model/event/row.ts'
import { READS_NOTHING, unionReads } from '../../model/table/column-reads.ts'
import { ProblemsError } from '../../model/errors.ts'
import type { Problem, SourceLocation } from '../../model/errors.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'
import { flatText } from '../../model/event/forms/flat-text.ts'
import type { ColumnReads, Structure } from '../../model/rule/expression.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import { isPosted } from '../../model/event/posted/posted-event.ts'
import type { RuleFacts } from './fact-values.ts'
import type { SourceText } from './source-text.ts'
import { compileJsonWriter } from './structure-bytes.ts'
import type { JsonPart, WriteJson } from './structure-bytes.ts'
import type { ParsedTemplate } from './template/template-render.ts'
import { bindText, parseTemplate } from './template/template.ts'

/** A structure as it stands in a file: scalars that are not text are kept, text may hold expressions. */
export type StructureSource =
  /** `written`: the text of a number where a text is wanted in the end; 1.10 is not 1.1 there. */
  | { readonly tag: 'value'; readonly value: Value; readonly written?: string }
  | { readonly tag: 'text'; readonly text: SourceText }
  | { readonly tag: 'list'; readonly items: readonly StructureSource[] }
  | { readonly tag: 'map'; readonly entries: readonly (readonly [key: string, value: StructureSource])[] }

export interface StructureOptions {
  /** As in templates; `source` is the text that it stands in. */
  readonly literal?: (text: string, offset: number, source: SourceText) => string
  /** As in templates. */
  readonly facts?: RuleFacts | undefined
  /** Told of each template in it. */
  readonly onParsed?: (template: ParsedTemplate) => void
}

/**
 * Compiles a structure. A leaf that is one expression and nothing else keeps the value's type (a missing or NULL value
 * is null); any other leaf is text, in which NULL is empty. Keys are literal. Throws ProblemsError with all problems.
 */
export function compileStructure(
  structure: StructureSource,
  location: SourceLocation,
  options: StructureOptions = {},
): Structure {
  const problems: Problem[] = []
  const node = compileNode(structure, options, problems)
  if (problems.length > 0) throw new ProblemsError(problems)
  return {
    location,
    isScalar: node.tag !== 'map' && node.tag !== 'list',
    reads: (table) => readsOf(node, table),
    bind: (table) => bindNode(node, table),
    bindJson: (table) => flat(bindJson(node, table)),
    bindContent: (table) => bindContent(node, table),
    bindText: (table) => {
      if (node.tag === 'map' || node.tag === 'list') return flat(bindJson(node, table))
      if (node.tag === 'value' && typeof node.value === 'number' && node.written !== undefined) {
        const { written } = node
        return () => written
      }
      const value = bindNode(node, table)
      return (change) => valueText(value(change))
    },
  }
}

function flat(write: (change: Change) => string): (change: Change) => string {
  return (change) => flatText(write(change))
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  return typeof value === 'bigint' ? value.toString() : stringifyValue(value)
}

type StructureNode =
  | { readonly tag: 'value'; readonly value: Value; readonly written?: string }
  | { readonly tag: 'template'; readonly template: ParsedTemplate }
  | { readonly tag: 'list'; readonly items: readonly StructureNode[] }
  | { readonly tag: 'map'; readonly entries: readonly (readonly [string, StructureNode])[] }

function compileNode(source: StructureSource, options: StructureOptions, problems: Problem[]): StructureNode {
  switch (source.tag) {
    case 'value':
      return source
    case 'list':
      return { tag: 'list', items: source.items.map((item) => compileNode(item, options, problems)) }
    case 'map':
      return {
        tag: 'map',
        entries: source.entries.map(([key, value]) => [key, compileNode(value, options, problems)] as const),
      }
    case 'text':
      try {
        const { literal, facts } = options
        const own = literal && ((text: string, offset: number) => literal(text, offset, source.text))
        const template = parseTemplate(source.text, own === undefined ? { facts } : { literal: own, facts })
        options.onParsed?.(template)
        return { tag: 'template', template }
      } catch (error) {
        if (!(error instanceof ProblemsError)) throw error
        problems.push(...error.problems)
        return { tag: 'value', value: null }
      }
  }
}

function bindNode(node: StructureNode, table: TableDef): (change: Change) => unknown {
  switch (node.tag) {
    case 'value':
      return () => node.value
    case 'template': {
      const sole = node.template.soleExpression
      if (sole === undefined) return bindText(node.template, table)
      const evaluate = node.template.evaluator(sole, table)
      return (change) => evaluate(change, null) ?? null
    }
    case 'list': {
      const items = node.items.map((item) => bindNode(item, table))
      return (change) => items.map((item) => item(change))
    }
    case 'map': {
      const entries = node.entries.map(([key, value]) => [key, bindNode(value, table)] as const)
      return (change) => {
        const map = Object.create(null) as { [key: string]: unknown }
        for (const [key, value] of entries) map[key] = value(change)
        return map
      }
    }
  }
}

/** As `stringifyValue` of what `bindNode` gives, without making it first. */
function bindJson(node: StructureNode, table: TableDef): (change: Change) => string {
  switch (node.tag) {
    case 'value': {
      const text = stringifyValue(node.value)
      return () => text
    }
    case 'template': {
      const value = bindNode(node, table)
      return (change) => stringifyValue(value(change))
    }
    case 'list':
      return sequence(
        node.items.map((item) => ['', bindJson(item, table)] as const),
        '[]',
      )
    case 'map':
      return sequence(
        node.entries.map(([key, value]) => [`${JSON.stringify(key)}:`, bindJson(value, table)] as const),
        '{}',
      )
  }
}

/** As `bindJson`, where there is an arena as bytes. */
function bindContent(node: StructureNode, table: TableDef): (change: Change, into?: ByteArena) => Content {
  const text = flat(bindJson(node, table))
  let write: WriteJson | null = null
  return (change, into) => {
    if (into === undefined) return text(change)
    write ??= compileJsonWriter(partsOf(node, table))
    return write(change, into)
  }
}

function partsOf(node: StructureNode, table: TableDef): readonly JsonPart[] {
  const text = (written: string): JsonPart => ({ tag: 'text', text: written })
  switch (node.tag) {
    case 'value':
      return [text(stringifyValue(node.value))]
    case 'template':
      return [partOf(node.template, bindNode(node, table), table)]
    case 'list':
      return [
        text('['),
        ...node.items.flatMap((item, i) => [text(i === 0 ? '' : ','), ...partsOf(item, table)]),
        text(']'),
      ]
    case 'map':
      return [
        text('{'),
        ...node.entries.flatMap(([key, value], i) => [
          text(`${i === 0 ? '' : ','}${JSON.stringify(key)}:`),
          ...partsOf(value, table),
        ]),
        text('}'),
      ]
  }
}

/** Properties of a row's event that its transaction has. */
const OF_TRANSACTION: ReadonlySet<string> = new Set(['ts', 'gtid', 'position', 'serverId', 'txId', 'timestamp'])

function partOf(template: ParsedTemplate, read: (change: Change) => unknown, table: TableDef): JsonPart {
  const target = template.soleTarget
  const isOfEvent = target !== undefined && (target.image === 'change' || target.image === 'event')
  if (!isOfEvent || target.rest.length > 0 || isPosted(table)) return { tag: 'value', read }
  if (target.name === 'id') return { tag: 'id' }
  return { tag: target.name !== undefined && OF_TRANSACTION.has(target.name) ? 'of-transaction' : 'value', read }
}

function sequence(
  parts: readonly (readonly [label: string, write: (change: Change) => string])[],
  brackets: '[]' | '{}',
): (change: Change) => string {
  if (parts.length === 0) return () => brackets
  const labels = parts.map(([label], i) => (i === 0 ? brackets.charAt(0) : ',') + label)
  const writes = parts.map(([, write]) => write)
  const end = brackets.charAt(1)
  return (change) => {
    let text = ''
    for (let i = 0; i < writes.length; i++) text += labels[i]! + writes[i]!(change)
    return text + end
  }
}

function readsOf(node: StructureNode, table: TableDef): ColumnReads {
  if (node.tag === 'value') return READS_NOTHING
  if (node.tag === 'template') return node.template.reads(table)
  const children = node.tag === 'list' ? node.items : node.entries.map(([, value]) => value)
  return unionReads(children.map((child) => readsOf(child, table)))
}
