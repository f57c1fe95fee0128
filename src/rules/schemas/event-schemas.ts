import { compileSchema } from '../../clients/ajv.ts'
import type { SchemaCheck } from '../../clients/ajv.ts'
import type { Value } from '../../model/event/row.ts'
import type { EventSchemas, SchemaMisfit } from '../../model/event/posted/event-schemas.ts'
import { typePattern } from '../../model/event/posted/type-pattern.ts'
import type { SourceLocation } from '../../model/errors.ts'

/** One entry of `schemas:`. */
export interface TypeSchema {
  /** A type, or a pattern of types. */
  readonly type: string
  readonly schema: object
  readonly location: SourceLocation
  /** Undefined: it stands in the rules file itself. */
  readonly file: string | undefined
  readonly check: SchemaCheck
}

/** Throws what is wrong with the schema. */
export function typeSchema(given: Omit<TypeSchema, 'check'>): TypeSchema {
  return { ...given, check: compileSchema(given.schema) }
}

/** Types whose schema is remembered: senders make types up. */
const MOST_TYPES = 1_000

/** Finds the schema of a type: the one that is called so, else the first whose pattern it matches. */
export class LoadedSchemas implements EventSchemas {
  readonly files: readonly string[]
  private readonly schemas: readonly (TypeSchema & { readonly matches: (type: string) => boolean })[]
  private readonly byType = new Map<string, TypeSchema | null>()

  constructor(schemas: readonly TypeSchema[]) {
    this.schemas = schemas.map((schema) => ({ ...schema, matches: typePattern(schema.type) }))
    this.files = schemas.flatMap(({ file }) => file ?? [])
  }

  misfitOf(type: string, payload: Value): SchemaMisfit | null {
    const error = this.of(type)?.check(withoutBigints(payload)) ?? null
    if (error === null) return null
    const { instancePath, keyword, params, message = 'it does not fit' } = error
    const path = ['$', 'payload', ...instancePath.split('/').slice(1).map(unescaped)]
    if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
      const name = String(params['additionalProperty'] ?? params['unevaluatedProperty'])
      return { path: printed([...path, name]), message: 'the schema has no such field' }
    }
    if (keyword === 'required') {
      return { path: printed([...path, String(params['missingProperty'])]), message: 'it is missing' }
    }
    const values = (params as { readonly allowedValues?: readonly unknown[] }).allowedValues
    return {
      path: printed(path),
      message: values === undefined ? message : `it must be one of ${JSON.stringify(values)}`,
    }
  }

  private of(type: string): TypeSchema | null {
    let found = this.byType.get(type)
    if (found === undefined) {
      const exact = this.schemas.find((schema) => schema.type === type)
      found = exact ?? this.schemas.find(({ matches }) => matches(type)) ?? null
      if (this.byType.size >= MOST_TYPES) this.byType.clear()
      this.byType.set(type, found)
    }
    return found
  }
}

/** JSON Schema knows numbers only: integers that are exact beyond 2^53 count as the nearest one. */
function withoutBigints(value: Value): Value {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null || !hasBigint(value)) return value
  if (Array.isArray(value)) return value.map(withoutBigints)
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutBigints(each as Value)]))
}

function hasBigint(value: Value): boolean {
  if (typeof value === 'bigint') return true
  return typeof value === 'object' && value !== null && Object.values(value).some((each) => hasBigint(each as Value))
}

function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** `$.payload.items[3]["odd name"]` */
function printed([root = '$', ...parts]: readonly string[]): string {
  return parts.reduce((path, part) => {
    if (/^\d+$/.test(part)) return `${path}[${part}]`
    return /^[A-Za-z_$][\w$]*$/.test(part) ? `${path}.${part}` : `${path}[${JSON.stringify(part)}]`
  }, root)
}
