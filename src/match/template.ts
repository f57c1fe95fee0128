import type { Change, Value } from '../core/change.ts'
import type { SourceLocation } from '../core/errors.ts'
import { ProblemsError } from '../core/errors.ts'
import type { Problem } from '../core/errors.ts'
import type { ColumnReads, Structure, Template } from '../core/rule.ts'
import type { TableDef } from '../core/table.ts'
import type { SourceText } from './source-text.ts'
import { ParsedTemplate } from './template-render.ts'
import type { TextMode } from './template-render.ts'

export interface TemplateOptions {
  /** NULL, missing and empty values are errors, as in keys, URLs and topics. Default: they are the empty text. */
  readonly strict?: boolean
  /** Replaces `${env:NAME}` and the like in the parts that are not expressions. */
  readonly literal?: TextMode['literal']
}

/** Compiles a text with `{{expressions}}`. Throws ProblemsError that points into the text. */
export function compileTemplate(source: SourceText, options: TemplateOptions = {}): Template {
  const template = parse(source, options)
  return {
    source: source.text,
    location: source.location,
    reads: (table) => template.reads(table),
    bind: (table) => bindText(template, table),
  }
}

function parse(source: SourceText, options: TemplateOptions): ParsedTemplate {
  return new ParsedTemplate(source, {
    strict: options.strict ?? false,
    literal: options.literal ?? ((text) => text),
  })
}

function bindText(template: ParsedTemplate, table: TableDef): (change: Change) => string {
  const { parts } = template
  if (template.isConstant) {
    const text = parts.map((part) => (part.tag === 'text' ? part.text : '')).join('')
    return () => text
  }
  // The usual key, `cache:user:{{id}}`: one expression with text before and after it.
  const outputs = parts.filter((part) => part.tag !== 'text')
  const output = outputs[0]!
  if (outputs.length === 1 && output.tag === 'output') {
    const at = parts.indexOf(output)
    const before = template.renderer(parts.slice(0, at), table)(NO_CHANGE, null)
    const after = template.renderer(parts.slice(at + 1), table)(NO_CHANGE, null)
    const value = template.evaluator(output.expression, table)
    return (change) => {
      const shown = value(change, null)
      return before + (typeof shown === 'number' ? shown : template.text(shown, output)) + after
    }
  }
  const render = template.renderer(parts, table)
  return (change) => render(change, null)
}

/** Text parts do not look at the change. */
const NO_CHANGE = undefined as unknown as Change

/** A structure as it stands in a file: scalars that are not text are kept, text may hold expressions. */
export type StructureSource =
  | { readonly tag: 'value'; readonly value: Value }
  | { readonly tag: 'text'; readonly text: SourceText }
  | { readonly tag: 'list'; readonly items: readonly StructureSource[] }
  | { readonly tag: 'map'; readonly entries: readonly (readonly [key: string, value: StructureSource])[] }

/**
 * Compiles a structure. A leaf that is one expression and nothing else keeps the value's type (a missing or NULL value
 * is null); any other leaf is text, in which NULL is empty. Keys are literal. Throws ProblemsError with all problems.
 */
export function compileStructure(
  structure: StructureSource,
  location: SourceLocation,
  options: Pick<TemplateOptions, 'literal'> = {},
): Structure {
  const problems: Problem[] = []
  const node = compileNode(structure, options, problems)
  if (problems.length > 0) throw new ProblemsError(problems)
  return { location, reads: (table) => readsOf(node, table), bind: (table) => bindNode(node, table) }
}

type StructureNode =
  | { readonly tag: 'value'; readonly value: Value }
  | { readonly tag: 'template'; readonly template: ParsedTemplate }
  | { readonly tag: 'list'; readonly items: readonly StructureNode[] }
  | { readonly tag: 'map'; readonly entries: readonly (readonly [string, StructureNode])[] }

function compileNode(source: StructureSource, options: TemplateOptions, problems: Problem[]): StructureNode {
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
        return { tag: 'template', template: parse(source.text, options) }
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

function readsOf(node: StructureNode, table: TableDef): ColumnReads {
  if (node.tag === 'value') return { new: new Set(), old: new Set() }
  if (node.tag === 'template') return node.template.reads(table)
  const children = node.tag === 'list' ? node.items : node.entries.map(([, value]) => value)
  return union(children.map((child) => readsOf(child, table)))
}

function union(all: readonly ColumnReads[]): ColumnReads {
  const of = (image: 'new' | 'old'): ReadonlySet<string> | 'all' => {
    const names = new Set<string>()
    for (const { [image]: read } of all) {
      if (read === 'all') return 'all'
      for (const name of read) names.add(name)
    }
    return names
  }
  return { new: of('new'), old: of('old') }
}
