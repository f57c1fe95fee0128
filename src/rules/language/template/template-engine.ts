// oxlint-disable-next-line no-restricted-imports -- the one place where Handlebars comes in: its parser alone
import { parse } from 'handlebars/dist/cjs/handlebars/compiler/base.js'
import type { TemplateBlock, TemplateCall, TemplateExpression, TemplatePart } from './template-tree.ts'

/** What cannot be parsed, or is not supported. */
export class TemplateSyntaxError extends Error {
  readonly offset: number
  readonly hint: string

  constructor(message: string, offset: number, hint = 'write an expression such as {{id}}') {
    super(message)
    this.offset = offset
    this.hint = hint
  }
}

type Node = hbs.AST.Node

/** Of one text; a body is a structure of many. */
const MAX_LENGTH = 65_536
const MAX_DEPTH = 50

/** Parses Handlebars. Paths may be written as in Go templates: `{{ .ID }}`. Throws TemplateSyntaxError. */
export function parseTemplate(text: string): readonly TemplatePart[] {
  checkSize(text)
  let program: hbs.AST.Program
  try {
    program = parse(withoutLeadingDots(text))
  } catch (error) {
    throw parseFailure(text, error)
  }
  return new Converter(text).parts(program)
}

/** The parser's work grows with the square of how deep blocks and brackets are nested. */
function checkSize(text: string): void {
  if (text.length > MAX_LENGTH && text.includes('{{')) {
    throw new TemplateSyntaxError(`the template exceeds ${MAX_LENGTH} characters`, MAX_LENGTH)
  }
  let blocks = 0
  let brackets = 0
  for (const { 0: mark, index } of text.matchAll(/\{\{~?[#/]|\{\{|[()]/g)) {
    if (mark.endsWith('#')) blocks++
    else if (mark.endsWith('/')) blocks--
    brackets = mark === '(' ? brackets + 1 : mark === ')' ? brackets - 1 : 0
    if (blocks > MAX_DEPTH || brackets > MAX_DEPTH) {
      throw new TemplateSyntaxError(`blocks or brackets are nested deeper than ${MAX_DEPTH} levels`, index)
    }
  }
}

/** Blanks the dot of `.ID` inside mustaches; the text keeps its length, so positions stay right. */
function withoutLeadingDots(text: string): string {
  return text.replaceAll(/\{\{[^}]*\}\}/g, (mustache) =>
    mustache.replaceAll(/"[^"]*"|'[^']*'|([\s{(~=#])\.(?=[A-Za-z_[])/g, (match, before: string | undefined) =>
      before === undefined ? match : `${before} `,
    ),
  )
}

function parseFailure(text: string, error: unknown): TemplateSyntaxError {
  const message = error instanceof Error ? error.message : String(error)
  const line = Number(/on line (\d+)/.exec(message)?.[1] ?? (error as { lineNumber?: number }).lineNumber ?? 1)
  const start = lineStarts(text)[line - 1] ?? 0
  // The parser shows the offending text above a line of dashes and a caret, cut off at the left when it is long.
  const [, shown = '', dashes = ''] = /:\n(.*)\n(-*)\^/.exec(message) ?? []
  const context = shown.replace(/^\.\.\./, '').slice(0, 20)
  const found = context === '' ? -1 : text.indexOf(context, start)
  const offset =
    found < 0 ? start : Math.min(found + Math.max(0, dashes.length - (shown.startsWith('...') ? 3 : 0)), text.length)
  const mismatch = /^(\S+) doesn't match (\S+)/.exec(message)
  if (mismatch) return new TemplateSyntaxError(`{{#${mismatch[1]}}} is closed by {{/${mismatch[2]}}}`, start)
  const unclosed = text.lastIndexOf('{{') > text.lastIndexOf('}}')
  if (unclosed) return new TemplateSyntaxError('a {{ is not closed by }}', text.lastIndexOf('{{'))
  return new TemplateSyntaxError('not a valid Handlebars expression', offset, hintFor(text))
}

/** What an expression of the text would be here, for what other languages write. */
function hintFor(text: string): string | undefined {
  for (const [, inner] of text.matchAll(/\{\{([^}]*)\}\}/g)) {
    const hint = hintForExpression(inner!.trim())
    if (hint !== undefined) return hint
  }
  return undefined
}

function hintForExpression(inner: string): string | undefined {
  const name = String.raw`\.?([A-Za-z_][\w.]*)`
  const [, piped, helper] = new RegExp(`^${name}\\s*\\|\\s*(\\w+)`).exec(inner) ?? []
  if (helper !== undefined) return `write the helper first: {{${helper} ${piped}}}`
  const [, called, argument] = new RegExp(`^(\\w+)\\(\\s*${name}\\s*\\)`).exec(inner) ?? []
  if (called !== undefined) return `write the helper without brackets: {{${called} ${argument}}}`
  const [, image, column] = /^(\w+)\[['"](\w+)['"]\]/.exec(inner) ?? []
  if (image !== undefined) return `write {{${image}.${column}}}`
  const [, left, operator, right] = /^(\S+)\s*(==|!=)\s*(\S+)$/.exec(inner) ?? []
  if (operator !== undefined) return `write {{${operator === '==' ? 'eq' : 'ne'} ${left} ${right}}}`
  return undefined
}

function lineStarts(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

class Converter {
  private readonly text: string
  private readonly starts: readonly number[]

  constructor(text: string) {
    this.text = text
    this.starts = lineStarts(text)
  }

  parts(program: hbs.AST.Program | undefined): readonly TemplatePart[] {
    return (program?.body ?? []).flatMap((statement) => this.part(statement))
  }

  private offset(node: Node): number {
    return (this.starts[node.loc.start.line - 1] ?? 0) + node.loc.start.column
  }

  private part(node: Node): TemplatePart[] {
    const offset = this.offset(node)
    switch (node.type) {
      case 'ContentStatement':
        return [{ tag: 'text', text: (node as hbs.AST.ContentStatement).value, offset }]
      case 'CommentStatement':
        return []
      case 'MustacheStatement':
        return [{ tag: 'output', expression: this.mustache(node as hbs.AST.MustacheStatement), offset }]
      case 'BlockStatement':
        return [this.block(node as hbs.AST.BlockStatement, offset)]
      default:
        throw new TemplateSyntaxError('partials and decorators are not supported', offset)
    }
  }

  private block(node: hbs.AST.BlockStatement, offset: number): TemplateBlock {
    this.refuseHash(node.hash)
    return {
      tag: 'block',
      name: node.path.original,
      arguments: node.params.map((param) => this.expression(param)),
      names: (node.program as hbs.AST.Program | undefined)?.blockParams ?? [],
      body: this.parts(node.program),
      otherwise: this.parts(node.inverse),
      offset,
    }
  }

  private mustache(node: hbs.AST.MustacheStatement): TemplateExpression {
    if (node.params.length > 0) return this.call(node as unknown as hbs.AST.SubExpression)
    this.refuseHash(node.hash)
    return this.expression(node.path)
  }

  private call(node: hbs.AST.SubExpression): TemplateCall {
    this.refuseHash(node.hash)
    // The parser takes numbers and other literals for names of helpers too.
    const helper: unknown = node.path.original
    return {
      tag: 'call',
      helper: String(helper),
      arguments: node.params.map((param) => this.expression(param)),
      offset: this.offset(node.path),
    }
  }

  private refuseHash(hash: hbs.AST.Hash | undefined): void {
    if (hash !== undefined && hash.pairs.length > 0) {
      throw new TemplateSyntaxError('helpers do not take name=value arguments', this.offset(hash))
    }
  }

  private expression(node: Node): TemplateExpression {
    const offset = this.offset(node)
    switch (node.type) {
      case 'PathExpression': {
        const { parts, depth, data, original } = node as hbs.AST.PathExpression
        // The parser takes what ends with a dot for two values, of which the second is the dot.
        if (original === '.' && /\w/.test(this.text[offset - 1] ?? '')) {
          throw new TemplateSyntaxError('a name is missing behind the dot', offset, 'write it as in {{new.id}}')
        }
        return { tag: 'path', parts, depth, data, offset }
      }
      case 'SubExpression':
        return this.call(node as hbs.AST.SubExpression)
      case 'StringLiteral':
      case 'NumberLiteral':
      case 'BooleanLiteral':
        return { tag: 'literal', value: (node as hbs.AST.StringLiteral).value, offset }
      default:
        return { tag: 'literal', value: null, offset }
    }
  }
}
