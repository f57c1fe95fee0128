import type { ActionSpec } from '../model/rule/action.ts'
import type { FieldSpec, Outline } from '../model/rule/action-field.ts'
import { ProblemsError } from '../model/errors.ts'
import type { SourceLocation } from '../model/errors.ts'
import type { Structure, Template } from '../model/rule/rule.ts'
import { compileStructure } from './language/structure.ts'
import type { StructureSource } from './language/structure.ts'
import type { RuleFacts } from './language/fact-values.ts'
import type { SourceText } from './language/source-text.ts'
import { compileTemplate } from './language/template/template.ts'
import type { TemplatePlace } from './language/template/template-places.ts'
import { RULE_CODES } from './codes.ts'
import type { ParsedTemplate } from './language/template/template-render.ts'
import type { CheckedTemplate } from './rule-checks.ts'
import { ValueReader } from './read/read-values.ts'
import { warnOfPlaceholders } from './read/placeholders.ts'
import type { Reporter } from './reporter.ts'
import { resolveText, sourceText } from './files/rule-text.ts'
import type { SecretSource } from './files/rule-text.ts'
import { entryOf } from './yaml/tree.ts'
import type { MapNode, ScalarNode, TreeNode } from './yaml/tree.ts'

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

type Fields = { readonly [name: string]: FieldSpec }

/** The fields of one action, or of an object inside it; everything is checked and compiled when it is made. */
export class TreeActionSpec implements ActionSpec {
  readonly ruleId: string
  readonly location: SourceLocation
  readonly hasDebounce: boolean
  readonly targetName: string | undefined
  private readonly nodes = new Map<string, TreeNode>()
  private readonly values = new Map<string, unknown>()
  /** Fields with a secret that is not there: what they hold is made up. */
  private readonly unjudged = new Set<TreeNode>()
  private readonly context: SpecContext
  private readonly reader: ValueReader

  /** `maps`: the nearest first; a field is taken from the first that has it (the action, then its named target). */
  constructor(context: SpecContext, maps: readonly MapNode[], fields: Fields, where: string) {
    this.ruleId = context.ruleId
    this.hasDebounce = context.hasDebounce
    this.targetName = context.targetName
    this.location = maps[0]!.location
    this.context = context
    this.reader = new ValueReader(context.reporter, context.ruleId)
    for (const [name, field] of Object.entries(fields)) {
      const node = maps.map((map) => entryOf(map, name)?.value).find((each) => each !== undefined)
      if (node !== undefined) this.readField(name, field, node)
      else if (field.required === true) {
        this.fail('', RULE_CODES.missing, `${where} needs "${name}"`, `${name}: ${field.doc}`)
      }
    }
  }

  private readField(name: string, field: FieldSpec, node: TreeNode): void {
    this.nodes.set(name, node)
    const notes = this.context.reporter.noteCount
    try {
      const value = this.value(name, field, node)
      if (value !== undefined) this.values.set(name, value)
    } catch (error) {
      if (!(error instanceof ProblemsError)) throw error
      this.context.reporter.problems.push(...error.problems)
    }
    if (this.context.reporter.noteCount > notes) this.unjudged.add(node)
  }

  private value(name: string, field: FieldSpec, node: TreeNode): unknown {
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
        return reader.integer(node, name)
      case 'duration':
        return reader.duration(node, name, { least: 0, most: LONGEST_FIELD_MS })
      case 'bytes':
        return reader.bytes(node, name)
      case 'rate':
        return reader.rate(node, name)
      case 'enum':
        return reader.oneOf(node, name, field.values)
      case 'stringList':
        return itemsOf(node).map((item) => this.plainString(name, item))
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
        return this.nested(name, field.fields, node)
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

  private nested(name: string, fields: Fields, node: TreeNode): TreeActionSpec | undefined {
    const map = this.reader.map(node, name)
    if (map === undefined) return undefined
    this.reader.knownKeys(map, name, Object.keys(fields))
    return new TreeActionSpec(this.context, [map], fields, name)
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

  has(field: string): boolean {
    return this.nodes.has(field)
  }

  string(field: string): string | undefined {
    return this.values.get(field) as string | undefined
  }

  number(field: string): number | undefined {
    return this.values.get(field) as number | undefined
  }

  boolean(field: string): boolean | undefined {
    return this.values.get(field) as boolean | undefined
  }

  strings(field: string): readonly string[] | undefined {
    return this.listOf<string>(field)
  }

  stringMap(field: string): ReadonlyMap<string, string> | undefined {
    return this.values.get(field) as ReadonlyMap<string, string> | undefined
  }

  template(field: string): Template | undefined {
    return this.values.get(field) as Template | undefined
  }

  templates(field: string): readonly Template[] | undefined {
    return this.listOf<Template>(field)
  }

  templateMap(field: string): ReadonlyMap<string, Template> | undefined {
    return this.values.get(field) as ReadonlyMap<string, Template> | undefined
  }

  structure(field: string): Structure | undefined {
    return this.values.get(field) as Structure | undefined
  }

  outline(field: string): Outline | undefined {
    return this.nodes.get(field)
  }

  object(field: string): ActionSpec | undefined {
    return this.values.get(field) as ActionSpec | undefined
  }

  /** Items that could not be read were reported and are left out. */
  private listOf<T>(field: string): readonly T[] | undefined {
    return (this.values.get(field) as readonly (T | undefined)[] | undefined)?.filter((item) => item !== undefined)
  }

  fail(field: string, code: string, message: string, hint?: string): void {
    const node = this.nodes.get(field)
    if (node !== undefined && this.unjudged.has(node)) return
    this.failAt(node?.location ?? this.location, code, message, hint)
  }

  failAt(location: SourceLocation, code: string, message: string, hint?: string): void {
    if ([...this.unjudged].some((node) => holds(node, location))) return
    this.context.reporter.error(code, location, message, hint, this.ruleId)
  }
}

function holds(node: TreeNode, location: SourceLocation): boolean {
  if (node.location === location) return true
  if (node.tag === 'scalar') return false
  const inner = node.tag === 'list' ? node.items : node.entries.map(({ value }) => value)
  return inner.some((each) => holds(each, location))
}

/** A single value counts as a list of one. */
function itemsOf(node: TreeNode): readonly TreeNode[] {
  return node.tag === 'list' ? node.items : [node]
}
