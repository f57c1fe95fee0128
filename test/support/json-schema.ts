import type { JsonSchema } from '../../src/rules/schema/json-schema.ts'

function definition(root: JsonSchema, reference: string): unknown {
  return (root['definitions'] as { readonly [name: string]: unknown })[reference.replace('#/definitions/', '')]
}

/** What is wrong with a value by a schema, as far as the schemas of this repository go; empty when nothing is. */
export function violations(value: unknown, schema: JsonSchema, root = schema, path = '$'): string[] {
  const here = (message: string): string[] => [`${path}: ${message}`]
  const found: string[] = []
  const sub = (each: unknown): string[] => violations(value, each as JsonSchema, root, path)
  for (const [keyword, wanted] of Object.entries(schema)) {
    if (keyword === '$ref') found.push(...sub(definition(root, wanted as string)))
    else if (keyword === 'type') {
      if (![wanted].flat().some((type) => isOfType(value, type as string)))
        found.push(...here(`is not ${String(wanted)}`))
    } else if (keyword === 'enum') {
      if (!(wanted as unknown[]).includes(value)) found.push(...here(`is none of ${(wanted as string[]).join()}`))
    } else if (keyword === 'const') {
      if (value !== wanted) found.push(...here(`is not ${String(wanted)}`))
    } else if (keyword === 'pattern') {
      if (typeof value === 'string' && !new RegExp(wanted as string).test(value))
        found.push(...here('has another form'))
    } else if (keyword === 'anyOf') {
      const tried = (wanted as unknown[]).map(sub)
      if (!tried.some((each) => each.length === 0)) found.push(...tried[0]!)
    } else if (keyword === 'allOf') found.push(...(wanted as unknown[]).flatMap(sub))
    else if (keyword === 'not') found.push(...(sub(wanted).length === 0 ? here('is not allowed') : []))
    else if (keyword === 'if') {
      if (sub(wanted).length === 0) found.push(...sub(schema['then'] ?? {}))
    } else if (keyword === 'items' && Array.isArray(value)) {
      found.push(...value.flatMap((item, i) => violations(item, wanted as JsonSchema, root, `${path}[${i}]`)))
    } else if (isMap(value)) found.push(...ofMap(value, keyword, wanted, schema, root, path))
  }
  return found
}

function ofMap(
  value: { readonly [key: string]: unknown },
  keyword: string,
  wanted: unknown,
  schema: JsonSchema,
  root: JsonSchema,
  path: string,
): string[] {
  const properties = (schema['properties'] ?? {}) as { readonly [key: string]: JsonSchema }
  const entries = Object.entries(value)
  if (keyword === 'required') {
    return (wanted as string[]).filter((key) => !(key in value)).map((key) => `${path}: ${key} is missing`)
  }
  if (keyword === 'properties') {
    return entries.flatMap(([key, item]) =>
      Object.hasOwn(properties, key) ? violations(item, properties[key]!, root, `${path}.${key}`) : [],
    )
  }
  if (keyword !== 'additionalProperties') return []
  const others = entries.filter(([key]) => !Object.hasOwn(properties, key))
  if (wanted === false) return others.map(([key]) => `${path}: ${key} is unknown`)
  return others.flatMap(([key, item]) => violations(item, wanted as JsonSchema, root, `${path}.${key}`))
}

function isMap(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isMap(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}
