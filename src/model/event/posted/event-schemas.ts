import type { Value } from '../row.ts'

/** Why a payload does not fit the schema of its type. */
export interface SchemaMisfit {
  /** `$.payload.items[3].sku` */
  readonly path: string
  /** Never what was posted: it may be personal, or long. */
  readonly message: string
}

/** `schemas:` of the rules: what payloads of some types have to look like. */
export interface EventSchemas {
  /** The files that they are in, as absolute paths. */
  readonly files: readonly string[]
  /** Null: it fits, or its type has no schema. */
  misfitOf(type: string, payload: Value): SchemaMisfit | null
}
