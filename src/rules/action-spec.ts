import type { ActionSpec } from '../model/rule/action.ts'
import type { FieldSpec, Outline } from '../model/rule/action-field.ts'
import { ProblemsError } from '../model/errors.ts'
import type { SourceLocation } from '../model/errors.ts'
import type { Structure, Template } from '../model/rule/expression.ts'
import { RULE_CODES } from './codes.ts'
import { FieldValues } from './read/field-values.ts'
import type { Fields, SpecContext } from './read/field-values.ts'
import { ValueReader } from './read/read-values.ts'
import { entryOf } from './yaml/tree.ts'
import type { MapNode, TreeNode } from './yaml/tree.ts'

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
  private readonly fields: FieldValues

  /** `maps`: the nearest first; a field is taken from the first that has it (the action, then its named target). */
  constructor(context: SpecContext, maps: readonly MapNode[], fields: Fields, where: string) {
    this.ruleId = context.ruleId
    this.hasDebounce = context.hasDebounce
    this.targetName = context.targetName
    this.location = maps[0]!.location
    this.context = context
    this.reader = new ValueReader(context.reporter, context.ruleId)
    this.fields = new FieldValues(context, (name, inner, node) => this.nested(name, inner, node))
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
      const value = this.fields.value(name, field, node)
      if (value !== undefined) this.values.set(name, value)
    } catch (error) {
      if (!(error instanceof ProblemsError)) throw error
      this.context.reporter.add(error.problems)
    }
    if (this.context.reporter.noteCount > notes) this.unjudged.add(node)
  }

  private nested(name: string, fields: Fields, node: TreeNode): TreeActionSpec | undefined {
    const map = this.reader.map(node, name)
    if (map === undefined) return undefined
    this.reader.knownKeys(map, name, Object.keys(fields))
    return new TreeActionSpec(this.context, [map], fields, name)
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
