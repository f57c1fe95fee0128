import type { Value } from '../../../model/event/row.ts'
import { EvaluationError, ProblemsError } from '../../../model/errors.ts'
import type { Problem } from '../../../model/errors.ts'
import type { ColumnReads } from '../../../model/rule/expression.ts'
import type { TableDef } from '../../../model/table/table.ts'
import { NO_RULE_FACTS } from '../fact-values.ts'
import type { RuleFacts } from '../fact-values.ts'
import { printLocation, textProblem } from '../source-text.ts'
import type { SourceText } from '../source-text.ts'
import { compileBlock } from './template-blocks.ts'
import { TemplateSyntaxError, parseTemplate } from './template-engine.ts'
import type { TemplateCall, TemplateExpression, TemplatePart, TemplatePath } from './template-tree.ts'
import { checkBlock, checkCall } from './template-checks.ts'
import { HelperFailure } from './helper.ts'
import { TEMPLATE_HELPERS } from './template-helpers.ts'
import { withSecrets } from './template-secrets.ts'
import { fitted, withPlaces } from './template-places.ts'
import type { TemplatePlace } from './template-places.ts'
import { resolvePath } from './path-getters.ts'
import type { PathTarget } from './path-getters.ts'
import { addReads, targetOf } from './template-paths.ts'
import { isRootPath, rootPath, scopePath, walkTemplate } from './template-scopes.ts'
import type { Evaluate, Render, ScopeNames } from './template-scopes.ts'

/** How values become text. */
export interface TextMode {
  /** NULL, missing and empty values are errors: keys, URLs, topics. */
  readonly strict: boolean
  /** Replaces `${env:NAME}` and the like in the parts that are not expressions. */
  readonly literal: (text: string, offset: number) => string
  /** `new` and a bare column are the row as it is, in a DELETE as it was; `old` is refused. Default: false. */
  readonly ofRow?: boolean | undefined
  /** What the rule has beside its rows. Default: nothing. */
  readonly facts?: RuleFacts | undefined
  /** What the whole is, where its parts have a meaning of their own. */
  readonly place?: TemplatePlace | undefined
}

/** A template, parsed and checked as far as that goes without a table. */
export class ParsedTemplate {
  readonly source: SourceText
  readonly parts: readonly TemplatePart[]
  readonly mode: TextMode
  private readonly targets = new Map<TemplatePath, PathTarget>()

  /** Throws ProblemsError with everything that is wrong. */
  constructor(source: SourceText, mode: TextMode) {
    this.source = source
    this.mode = mode
    try {
      this.parts = withPlaces(withSecrets(parseTemplate(source.text), mode.literal), mode.place)
    } catch (error) {
      if (!(error instanceof TemplateSyntaxError)) throw error
      throw textProblem(source, 'BINGO_RULE_BAD_TEMPLATE', error.message, error.offset, error.hint)
    }
    const problems: Problem[] = []
    walkTemplate(this.parts, (part, scopes) => {
      try {
        if (part.tag === 'block') checkBlock(source, part)
        else this.checkExpression(part, scopes)
      } catch (error) {
        if (!(error instanceof ProblemsError)) throw error
        problems.push(...error.problems)
      }
    })
    if (problems.length > 0) throw new ProblemsError(problems)
  }

  private checkExpression(expression: TemplateExpression, scopes: readonly ScopeNames[]): void {
    if (expression.tag === 'call') checkCall(this.source, expression)
    if (expression.tag !== 'path') return
    const own = isRootPath(expression, scopes)
    if (own) this.targets.set(expression, this.targetOf(expression))
    else if (scopes.length === 0) {
      throw textProblem(
        this.source,
        'BINGO_RULE_BAD_TEMPLATE',
        'this is valid only inside {{#each}} and {{#with}}',
        expression.offset,
      )
    }
  }

  private targetOf(expression: TemplatePath): PathTarget {
    const target = targetOf(this.source, rootPath(expression), this.mode.facts ?? NO_RULE_FACTS)
    if (this.mode.ofRow !== true) return target
    if (target.image !== 'old') return target.image === 'new' ? { ...target, image: 'row' } : target
    const message = 'this is the row as it is, in a DELETE as it was; the key before an UPDATE is found by itself'
    const hint = `write {{${expression.parts.slice(1).join('.') || 'id'}}}`
    throw textProblem(this.source, 'BINGO_RULE_BAD_TEMPLATE', message, expression.offset, hint)
  }

  /** Paths that read the change, outside of blocks and helpers or not, with what they mean. */
  get paths(): readonly { readonly path: TemplatePath; readonly target: PathTarget; readonly sole: boolean }[] {
    const outputs = new Set(this.parts.flatMap((part) => (part.tag === 'output' ? [part.expression] : [])))
    return [...this.targets].map(([path, target]) => ({ path, target, sole: outputs.has(path) }))
  }

  /** Names of the lookups that it reads. */
  get lookups(): readonly string[] {
    return [...this.targets.values()].flatMap(({ image, name }) => (image === 'lookup' ? [name!] : []))
  }

  /** True when the template has no expressions at all. */
  get isConstant(): boolean {
    return this.parts.every((part) => part.tag === 'text')
  }

  /** The expression, when the template is one expression and nothing else. */
  get soleExpression(): TemplateExpression | undefined {
    const [part] = this.parts
    return this.parts.length === 1 && part!.tag === 'output' ? part!.expression : undefined
  }

  /** What it reads, when the template is one path of the change and nothing else. */
  get soleTarget(): PathTarget | undefined {
    const sole = this.soleExpression
    return sole?.tag === 'path' ? this.targets.get(sole) : undefined
  }

  reads(table: TableDef): ColumnReads {
    const reads = { new: new Set<string>(), old: new Set<string>() }
    for (const target of this.targets.values()) addReads(target, table, reads)
    return reads
  }

  /** Throws EvaluationError when a column is not there. */
  evaluator(expression: TemplateExpression, table: TableDef): Evaluate {
    if (expression.tag === 'literal') return () => expression.value
    if (expression.tag === 'call') return this.callEvaluator(expression, table)
    const target = this.targets.get(expression)
    if (target !== undefined) return resolvePath(this.source, expression, target, table)
    return scopePath(expression)
  }

  private callEvaluator(call: TemplateCall, table: TableDef): Evaluate {
    const helper = TEMPLATE_HELPERS.get(call.helper)!
    const values = call.arguments.map((argument) => this.evaluator(argument, table))
    return (change, scope) => {
      try {
        return helper.apply(values.map((value) => value(change, scope)))
      } catch (error) {
        if (!(error instanceof HelperFailure)) throw error
        throw this.failure('BINGO_TEMPLATE_HELPER', `fails: ${error.message}`, call, error.hint)
      }
    }
  }

  renderer(parts: readonly TemplatePart[], table: TableDef): Render {
    const renders = parts.map((part) => this.partRenderer(part, table))
    return (change, scope) => {
      let text = ''
      for (const render of renders) text += render(change, scope)
      return text
    }
  }

  private partRenderer(part: TemplatePart, table: TableDef): Render {
    switch (part.tag) {
      case 'text':
        return () => part.text
      case 'output': {
        const evaluate = this.evaluator(part.expression, table)
        return (change, scope) => this.text(evaluate(change, scope), part)
      }
      case 'block':
        return compileBlock(this, part, table)
    }
  }

  /** The text of a value; throws EvaluationError for one that has none here. */
  text(value: Value, part: TemplatePart): string {
    const text = this.plainText(value, part)
    if (this.mode.place === undefined || part.tag !== 'output' || part.fit === undefined) return text
    const inPlace = fitted(text, part.fit)
    if (inPlace !== null) return inPlace
    throw this.failure(
      'BINGO_TEMPLATE_SEPARATOR',
      'contains a dot, wildcard or white space that would change the structure of the name',
      part,
      'encode it with {{hex …}} or {{sha256 …}}; only a single expression such as {{concat …}} may contain dots',
    )
  }

  private plainText(value: Value, part: TemplatePart): string {
    if (typeof value === 'string') return value === '' ? this.empty(part) : value
    if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
    if (value === null || value === undefined) return this.nothing(part)
    // A SET is text in MySQL too; structures need to be asked for as JSON.
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) {
      return value.length === 0 ? this.empty(part) : value.join(',')
    }
    throw this.failure(
      'BINGO_TEMPLATE_OBJECT',
      'is a structure, not a string',
      part,
      `write {{json ${this.print(part)}}}`,
    )
  }

  private empty(part: TemplatePart): string {
    if (!this.mode.strict) return ''
    throw this.failure('BINGO_TEMPLATE_EMPTY', 'is empty', part, 'filter such rows out, or use {{default …}}')
  }

  private nothing(part: TemplatePart): string {
    if (!this.mode.strict) return ''
    throw this.failure('BINGO_TEMPLATE_NULL', 'is NULL or missing', part, this.nullHint(part))
  }

  private nullHint(part: TemplatePart): string {
    const text = this.print(part)
    if (/^(new|NewRow)\./.test(text)) return 'use the bare column or key.…: a DELETE has no new row'
    if (/^(old|OldRow)\./.test(text)) return 'use the bare column or new.…: an INSERT has no old row'
    return 'filter such rows out, or use {{default …}}'
  }

  private print({ offset }: { readonly offset: number }): string {
    const end = this.source.text.indexOf('}}', offset)
    return this.source.text
      .slice(offset, end)
      .replace(/^\{+[~\s]*/, '')
      .trim()
  }

  private failure(
    code: string,
    message: string,
    part: { readonly offset: number },
    hint: string | undefined,
  ): EvaluationError {
    const place = printLocation(this.source.locate(part.offset))
    return new EvaluationError(code, `rule "${this.source.ruleId}": {{${this.print(part)}}} ${message} (${place})`, {
      hint,
    })
  }
}
