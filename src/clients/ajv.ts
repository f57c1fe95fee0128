import { createRequire } from 'node:module'
import type { Ajv, ErrorObject, Options } from 'ajv'

const require = createRequire(import.meta.url)

/** By the draft that a schema names; without one the newest. */
const DRAFTS: readonly (readonly [draft: RegExp, module: string])[] = [
  [/draft-07/, 'ajv'],
  [/draft\/2019-09/, 'ajv/dist/2019.js'],
]
const NEWEST = 'ajv/dist/2020.js'

const OPTIONS: Options = {
  // Keywords of other vocabularies and formats are for people.
  strict: false,
  validateFormats: false,
  // One error is enough to refuse something: a list of all of them can be as long as what was sent.
  allErrors: false,
  logger: false,
}

export type SchemaCheck = (value: unknown) => ErrorObject | null

/** Compiles a JSON Schema. The library is loaded when the first one is. Throws what is wrong with the schema. */
export function compileSchema(schema: object): SchemaCheck {
  const draft = (schema as { readonly $schema?: unknown }).$schema
  const [, module] = DRAFTS.find(([name]) => typeof draft === 'string' && name.test(draft)) ?? [null, NEWEST]
  const { default: Validator } = require(module) as { readonly default: new (options: Options) => Ajv }
  const validate = new Validator(OPTIONS).compile(schema)
  return (value) => (validate(value) ? null : (validate.errors?.[0] ?? null))
}
