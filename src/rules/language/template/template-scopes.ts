import type { Change } from '../../../model/event/change.ts'
import type { Value } from '../../../model/event/row.ts'
import type { TemplateBlock, TemplateExpression, TemplatePart, TemplatePath } from './template-tree.ts'
import { entry } from './template-helpers.ts'

/** What is current inside `{{#each}}` and `{{#with}}`; null outside of them. */
export interface Scope {
  readonly value: Value
  readonly parent: Scope | null
  /** `@index`, `@key`, `@first`, `@last`. */
  readonly data: { readonly [name: string]: Value }
  readonly names: { readonly [name: string]: Value }
}

export type Evaluate = (change: Change, scope: Scope | null) => Value
export type Render = (change: Change, scope: Scope | null) => string

/** Names that an `{{#each … as |item|}}` brings into view. */
export interface ScopeNames {
  readonly names: readonly string[]
}

type Visit = (part: TemplateExpression | TemplateBlock, scopes: readonly ScopeNames[]) => void

/** Visits every expression and block with the scopes around it, outermost first. */
export function walkTemplate(parts: readonly TemplatePart[], visit: Visit, scopes: readonly ScopeNames[] = []): void {
  const each = (expression: TemplateExpression, within: readonly ScopeNames[]): void => {
    visit(expression, within)
    if (expression.tag === 'call') for (const argument of expression.arguments) each(argument, within)
  }
  for (const part of parts) {
    if (part.tag === 'output') each(part.expression, scopes)
    if (part.tag !== 'block') continue
    visit(part, scopes)
    for (const argument of part.arguments) each(argument, scopes)
    const opens = part.name === 'each' || part.name === 'with'
    walkTemplate(part.body, visit, opens ? [...scopes, { names: part.names }] : scopes)
    walkTemplate(part.otherwise, visit, scopes)
  }
}

/** Whether a path leads to the change itself: outside of scopes, by enough `../`, or by `@root`. */
export function isRootPath(path: TemplatePath, scopes: readonly ScopeNames[]): boolean {
  if (path.data) return path.parts[0] === 'root'
  return path.depth >= scopes.length && (path.depth === 0 || scopes.length > 0)
}

export function rootPath(path: TemplatePath): TemplatePath {
  return path.data ? { ...path, parts: path.parts.slice(1), data: false } : { ...path, depth: 0 }
}

/** A path that starts at a scope's own value or names; missing entries are undefined. */
export function scopePath({ parts, depth, data }: TemplatePath): Evaluate {
  return (_change, scope) => {
    let current = scope
    for (let i = 0; i < depth; i++) current = current?.parent ?? null
    if (current === null) return undefined
    const [head, ...rest] = parts
    if (data) return head === undefined ? undefined : walkInto(dataOf(current, head), rest)
    if (head !== undefined) {
      for (let at: Scope | null = current; at !== null; at = at.parent) {
        if (Object.hasOwn(at.names, head)) return walkInto(at.names[head], rest)
      }
    }
    return walkInto(current.value, parts)
  }
}

function dataOf(scope: Scope, name: string): Value {
  return Object.hasOwn(scope.data, name) ? scope.data[name] : undefined
}

function walkInto(value: Value, parts: readonly string[]): Value {
  return parts.reduce<Value>(entry, value)
}
