import { dirname, isAbsolute, resolve } from 'node:path'
import { readSmallFile } from '../../model/small-file.ts'
import type { SourceLocation } from '../../model/errors.ts'
import { RULE_CODES } from '../codes.ts'
import { isTypePattern } from '../read/read-on.ts'
import type { ValueReader } from '../read/read-values.ts'
import { dataOf } from '../yaml/tree.ts'
import type { TreeNode } from '../yaml/tree.ts'
import { typeSchema } from './event-schemas.ts'
import type { TypeSchema } from './event-schemas.ts'

const HINT = 'write for example schemas: {orders.order.create: schemas/order.json}'

/**
 * Reads `schemas:` of a rules file: for each type a file with a JSON Schema, relative to the rules file, or the schema itself.
 * `seen`: types of the files before, with their places; what is wrong is reported.
 */
export function readSchemas(
  node: TreeNode,
  path: string,
  seen: Map<string, SourceLocation>,
  reader: ValueReader,
): readonly TypeSchema[] {
  const map = reader.map(node, 'schemas', HINT)
  if (map === undefined) return []
  return map.entries.flatMap(({ key: type, keyLocation: location, value }) => {
    const first = seen.get(type)
    if (!isTypePattern(type)) {
      reader.fail({ location }, RULE_CODES.value, `"${type}" is not a valid type or pattern of types`, HINT)
      return []
    }
    if (first !== undefined) {
      const message = `"${type}" has a schema already, at ${first.file}:${first.line}:${first.column}`
      reader.fail({ location }, RULE_CODES.schema, message, 'remove one of the two')
      return []
    }
    seen.set(type, location)
    const found = schemaOf(value, path, reader)
    return found === undefined ? [] : compiled(type, value, found, reader)
  })
}

interface FoundSchema {
  readonly schema: object
  readonly file: string | undefined
}

function compiled(type: string, node: TreeNode, found: FoundSchema, reader: ValueReader): readonly TypeSchema[] {
  try {
    return [typeSchema({ type, location: node.location, ...found })]
  } catch (error) {
    const message = `the schema of ${type} is not a valid JSON Schema: ${reasonOf(error)}`
    reader.fail(node, RULE_CODES.schema, message, 'correct the schema; references to other files are not supported')
    return []
  }
}

function schemaOf(node: TreeNode, path: string, reader: ValueReader): FoundSchema | undefined {
  // By way of JSON: the compiler wants plain objects.
  if (node.tag === 'map') return { schema: JSON.parse(JSON.stringify(dataOf(node))) as object, file: undefined }
  const name = reader.string(node, 'a schema')
  if (name === undefined) return undefined
  const file = isAbsolute(name) ? name : resolve(dirname(path), name)
  let text: string
  try {
    text = readSmallFile(file)
  } catch (error) {
    return reader.fail(
      node,
      RULE_CODES.schema,
      `cannot read the schema ${name}: ${reasonOf(error)}`,
      `it is looked for at ${file}`,
    )
  }
  try {
    const schema = JSON.parse(text) as unknown
    if (typeof schema === 'object' && schema !== null && !Array.isArray(schema)) return { schema, file }
    return reader.fail(
      node,
      RULE_CODES.schema,
      `${name} is not a JSON Schema`,
      'write an object: {"type": "object", …}',
    )
  } catch (error) {
    return reader.fail(node, RULE_CODES.schema, `${name} is not JSON: ${reasonOf(error)}`, 'correct the file')
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
