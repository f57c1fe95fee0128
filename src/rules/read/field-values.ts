import type { FieldSpec } from '../../model/rule/action-field.ts'
import type { Structure, Template } from '../../model/rule/expression.ts'
import { compileStructure } from '../language/structure.ts'
import type { StructureSource } from '../language/structure.ts'
import type { RuleFacts } from '../language/fact-values.ts'
import type { SourceText } from '../language/source-text.ts'
import { compileTemplate } from '../language/template/template.ts'
import type { TemplatePlace } from '../language/template/template-places.ts'
import { RULE_CODES } from '../codes.ts'
import type { ParsedTemplate } from '../language/template/template-render.ts'
import type { CheckedTemplate } from '../rule-checks.ts'
import { ValueReader } from './read-values.ts'
import { warnOfPlaceholders } from './placeholders.ts'
import type { Reporter } from '../reporter.ts'
import { resolveText, sourceText } from '../files/rule-text.ts'
import type { SecretSource } from '../files/rule-text.ts'
import type { ScalarNode, TreeNode } from '../yaml/tree.ts'

/** What the fields of an action are read with. */
export interface SpecContext {
  readonly ruleId: string
  /** As in SourceText. */
  readonly scope: SourceText['scope']
  readonly hasDebounce: boolean
  readonly targetName: string | undefined
  readonly reporter: Reporter
  readonly secrets: SecretSource
  /** What the rule has beside its rows. */
  readonly facts?: RuleFacts | undefined
  /** Gets every template of the action. */
  readonly templates: CheckedTemplate[]
}

/** No action has a use for more: a TTL, a deadline. */
const LONGEST_FIELD_MS = 3_650 * 24 * 3_600_000

const ONE_EXPRESSION = /^\{\{[^{}]*\}\}$/

function isExpression(node: TreeNode): boolean {
  return node.tag === 'scalar' && typeof node.value === 'string' && ONE_EXPRESSION.test(node.value)
}

export type Fields = { readonly [name: string]: FieldSpec }

/** What an object inside of the fields is read as. */
type Nest = (name: string, fields: Fields, node: TreeNode) => unknown

/** Reads the values of an action's fields, each by its kind: checks them, compiles templates, puts secrets in. */
export class FieldValues {
  private readonly context: SpecContext
  private readonly ruleId: string
  private readonly reader: ValueReader
  private readonly nest: Nest

  constructor(context: SpecContext, nest: Nest) {
    this.context = context
    this.ruleId = context.ruleId
    this.reader = new ValueReader(context.reporter, context.ruleId)
    this.nest = nest
  }

  /** Undefined: it could not be read, which was reported. */
  value(name: string, field: FieldSpec, node: TreeNode): unknown {
    const { reader } = this
    switch (field.kind) {
      case 'template':
      case 'text':
        return this.compileText(name, field.kind, node, field.place)
      case 'structure':
        return this.structureOf(node)
      case 'string':
        return this.plainString(name, node)
      case 'boolean':
        return reader.boolean(node, name)
      case 'integer':
        return reader.integer(node, name, 0, field.word)
      case 'duration':
        return reader.duration(node, name, { least: 0, most: LONGEST_FIELD_MS })
      case 'bytes':
        return reader.bytes(node, name)
      case 'rate':
        return reader.rate(node, name)
      case 'enum':
        return reader.oneOf(node, name, field.values)
      case 'stringList':
        return this.plainStrings(name, node, field.required === true)
      case 'templateList':
        if (field.whole === true && node.tag === 'map') {
          return this.mapOf(name, node, (item) => this.compileText(name, 'template', item))
        }
        if (field.whole === true && isExpression(node)) return this.structureOf(node)
        return itemsOf(node).map((item) => this.compileText(name, 'template', item))
      case 'templateMap':
        if (field.whole === true && node.tag === 'scalar') return this.wholeMap(name, node)
        return this.mapOf(name, node, (item) => this.compileText(name, 'text', item))
      case 'stringMap':
        return this.mapOf(name, node, (item) => this.plainString(name, item))
      case 'object':
        return this.nest(name, field.fields, node)
    }
  }

  private structureOf(node: TreeNode): Structure {
    return compileStructure(this.structureSource(node), node.location, {
      literal: (text, offset, source) => this.literal(text, offset, source),
      facts: this.context.facts,
      onParsed: (template) => this.context.templates.push({ template, strict: false }),
    })
  }

  /** One expression that gives a map when it is rendered. */
  private wholeMap(name: string, node: ScalarNode): Structure | undefined {
    if (isExpression(node)) return this.structureOf(node)
    return this.reader.wrongType(node, name, 'a map', `or one expression that gives a map: ${name}: "{{new}}"`)
  }

  private mapOf<T>(name: string, node: TreeNode, read: (item: TreeNode) => T | undefined): Map<string, T> | undefined {
    const map = this.reader.map(node, name)
    if (map === undefined) return undefined
    const read_ = map.entries.map(({ key, value }) => [key, read(value)] as const)
    return new Map(read_.filter((entry): entry is readonly [string, T & {}] => entry[1] !== undefined))
  }

  private compileText(
    name: string,
    kind: 'template' | 'text',
    node: TreeNode,
    place?: TemplatePlace,
  ): Template | undefined {
    const scalar = this.textNode(name, node)
    if (scalar === undefined) return undefined
    if (kind === 'template' && scalar.value === '') {
      return this.reader.fail(node, RULE_CODES.value, `${name} is empty`, `write for example ${name}: "user:{{id}}"`)
    }
    const source = sourceText(scalar, this.ruleId, this.context.scope)
    const literal = (text: string, offset: number): string => this.literal(text, offset, source)
    warnOfPlaceholders(source, kind, this.context.reporter)
    const strict = kind === 'template'
    const onParsed = (template: ParsedTemplate): void => void this.context.templates.push({ template, strict })
    return compileTemplate(source, { strict, literal, place, onParsed, facts: this.context.facts })
  }

  /** Numbers and booleans may stand where a text is meant. */
  private textNode(name: string, node: TreeNode): ScalarNode | undefined {
    if (node.tag === 'scalar' && node.value !== null) return node
    return this.reader.wrongType(node, name, 'a string', 'put quotes around a value that starts with {{')
  }

  private plainStrings(name: string, node: TreeNode, required: boolean): readonly (string | undefined)[] | undefined {
    const items = itemsOf(node)
    if (required && items.length === 0)
      return this.reader.fail(node, RULE_CODES.value, `${name} is empty`, 'write at least one')
    return items.map((item) => this.plainString(name, item))
  }

  private plainString(name: string, node: TreeNode): string | undefined {
    const scalar = this.textNode(name, node)
    if (scalar === undefined) return undefined
    if (typeof scalar.value !== 'string') return this.reader.string(scalar, name)
    return this.plain(scalar.value, scalar)
  }

  private literal(text: string, offset: number, source: SourceText): string {
    return resolveText(text, offset, source, this.context.secrets)
  }

  private plain(text: string, node: TreeNode): string {
    const scalar: ScalarNode =
      node.tag === 'scalar'
        ? node
        : { tag: 'scalar', value: text, written: text, location: node.location, locate: () => node.location }
    return resolveText(text, 0, sourceText(scalar, this.ruleId), this.context.secrets)
  }

  private structureSource(node: TreeNode): StructureSource {
    if (node.tag === 'list') return { tag: 'list', items: node.items.map((item) => this.structureSource(item)) }
    if (node.tag === 'map') {
      return {
        tag: 'map',
        entries: node.entries.map(({ key, value }) => [key, this.structureSource(value)] as const),
      }
    }
    if (typeof node.value === 'string') {
      const text = sourceText(node, this.ruleId, this.context.scope)
      warnOfPlaceholders(text, 'text', this.context.reporter)
      return { tag: 'text', text }
    }
    return { tag: 'value', value: node.value, written: node.written }
  }
}

/** A single value counts as a list of one. */
function itemsOf(node: TreeNode): readonly TreeNode[] {
  return node.tag === 'list' ? node.items : [node]
}
