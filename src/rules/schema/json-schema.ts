/** As much of JSON Schema (draft 7, which editors read) as the schemas of ours need. */
export interface JsonSchema {
  readonly [keyword: string]: unknown
}

/** As `parseDuration` reads it; zero needs no unit. */
export const DURATION_SCHEMA: JsonSchema = {
  anyOf: [{ type: 'string', pattern: String.raw`^(\d+(\.\d+)?(ms|s|m|h|d))+$` }, { const: 0 }],
}

/** `${env:NAME}` where another type than a text is wanted. */
export const REFERENCE_SCHEMA: JsonSchema = { type: 'string', pattern: String.raw`\$\{(env|file):` }

/** As `parseBytes` reads it. */
export const BYTES_SCHEMA: JsonSchema = {
  anyOf: [{ type: 'integer' }, { type: 'string', pattern: String.raw`^\d+(\.\d+)?\s*([kKmMgG][iI]?)?[bB]?$` }],
}
