import type { Change } from '../../../model/event/change.ts'
import type { Template } from '../../../model/rule/expression.ts'
import type { TableDef } from '../../../model/table/table.ts'
import type { SourceText } from '../source-text.ts'
import { ParsedTemplate } from './template-render.ts'
import type { TextMode } from './template-render.ts'

export interface TemplateOptions {
  /** NULL, missing and empty values are errors, as in keys, URLs and topics. Default: they are the empty text. */
  readonly strict?: boolean
  /** Replaces `${env:NAME}` and the like in the parts that are not expressions. */
  readonly literal?: TextMode['literal']
  /** What the whole is, where a value must not change its structure. */
  readonly place?: TextMode['place']
  /** As in TextMode. */
  readonly facts?: TextMode['facts']
  /** As in TextMode. */
  readonly ofRow?: TextMode['ofRow']
  /** Told of the template when it is right, for checks against tables. */
  readonly onParsed?: (template: ParsedTemplate) => void
}

/** Compiles a text with `{{expressions}}`. Throws ProblemsError that points into the text. */
export function compileTemplate(source: SourceText, options: TemplateOptions = {}): Template {
  const template = parseTemplate(source, options)
  options.onParsed?.(template)
  return {
    source: source.text,
    location: source.location,
    outline: template.parts.map((part) => (part.tag === 'text' ? part.text : '{{}}')).join(''),
    constant: template.isConstant
      ? template.parts.map((part) => (part.tag === 'text' ? part.text : '')).join('')
      : undefined,
    reads: (table) => template.reads(table),
    bind: (table) => bindText(template, table),
  }
}

/** As `compileTemplate`, for those who look into the parts. */
export function parseTemplate(source: SourceText, options: TemplateOptions): ParsedTemplate {
  return new ParsedTemplate(source, {
    strict: options.strict ?? false,
    literal: options.literal ?? ((text) => text),
    place: options.place,
    ofRow: options.ofRow,
    facts: options.facts,
  })
}

export function bindText(template: ParsedTemplate, table: TableDef): (change: Change) => string {
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
    const bare = output.fit === undefined
    return (change) => {
      const shown = value(change, null)
      return before + (typeof shown === 'number' && bare ? shown : template.text(shown, output)) + after
    }
  }
  const render = template.renderer(parts, table)
  return (change) => render(change, null)
}

/** Text parts do not look at the change. */
const NO_CHANGE = undefined as unknown as Change
