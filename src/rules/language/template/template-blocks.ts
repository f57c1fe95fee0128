import type { Value } from '../../../model/event/row.ts'
import type { TableDef } from '../../../model/table/table.ts'
import type { TemplateBlock, TemplateExpression, TemplatePart } from './template-tree.ts'
import { isTruthy } from './template-helpers.ts'
import type { Evaluate, Render, Scope } from './template-scopes.ts'

/** What blocks need of the template they stand in. */
interface Template {
  evaluator(expression: TemplateExpression, table: TableDef): Evaluate
  renderer(parts: readonly TemplatePart[], table: TableDef): Render
}

/** `{{#if}}`, `{{#unless}}`, `{{#each}}` and `{{#with}}`, as Handlebars has them. */
export function compileBlock(template: Template, block: TemplateBlock, table: TableDef): Render {
  const evaluate = template.evaluator(block.arguments[0]!, table)
  const body = template.renderer(block.body, table)
  const otherwise = template.renderer(block.otherwise, table)
  switch (block.name) {
    case 'if':
      return (change, scope) => (isTruthy(evaluate(change, scope)) ? body : otherwise)(change, scope)
    case 'unless':
      return (change, scope) => (isTruthy(evaluate(change, scope)) ? otherwise : body)(change, scope)
    case 'with':
      return (change, scope) => {
        const value = evaluate(change, scope)
        if (!isTruthy(value)) return otherwise(change, scope)
        return body(change, { value, parent: scope, data: scope?.data ?? {}, names: named(block.names, [value]) })
      }
    default:
      return (change, scope) => {
        const scopes = itemScopes(evaluate(change, scope), block.names, scope)
        return scopes.length === 0 ? otherwise(change, scope) : scopes.map((item) => body(change, item)).join('')
      }
  }
}

function itemScopes(value: Value, names: readonly string[], parent: Scope | null): Scope[] {
  if (typeof value !== 'object' || value === null) return []
  const entries: [string | number, Value][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return entries.map(([key, item], index) => ({
    value: item,
    parent,
    data: { index, key, first: index === 0, last: index === entries.length - 1 },
    names: named(names, [item, key]),
  }))
}

function named(names: readonly string[], values: readonly Value[]): { readonly [name: string]: Value } {
  const bound = Object.create(null) as { [name: string]: Value }
  names.forEach((name, index) => (bound[name] = values[index]))
  return bound
}
