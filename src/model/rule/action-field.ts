import type { SourceLocation } from '../errors.ts'

/**
 * What a field holds. `template` renders to a non-empty string and refuses NULL; `text` is a template that allows
 * empty and NULL (renders as empty); `structure` is any YAML whose string leaves are templates.
 */
export type FieldSpec = { readonly required?: boolean; readonly doc: string } & (
  | {
      readonly kind: 'structure' | 'string' | 'boolean' | 'duration' | 'bytes' | 'rate'
    }
  /** `word`: may stand instead of a number, and is read as a string. */
  | { readonly kind: 'integer'; readonly word?: string }
  | {
      readonly kind: 'template' | 'text'
      /** `url`: values are encoded for their place. `dotted`: each is one of the words that dots part. Absent: any text. */
      readonly place?: 'url' | 'dotted'
    }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  | { readonly kind: 'stringList' | 'stringMap' }
  /** `whole`: may be a map of templates too, or one expression, which is read as a structure. */
  | { readonly kind: 'templateList'; readonly whole?: boolean }
  /** `whole`: may be one expression that gives a map; then it is read as a structure. */
  | { readonly kind: 'templateMap'; readonly whole?: boolean }
  | { readonly kind: 'object'; readonly fields: { readonly [name: string]: FieldSpec } }
)

/** YAML as written: keys, constants and templates with their places. */
export type Outline = { readonly location: SourceLocation } & (
  | {
      readonly tag: 'map'
      readonly entries: readonly {
        readonly key: string
        readonly keyLocation: SourceLocation
        readonly value: Outline
      }[]
    }
  | { readonly tag: 'list'; readonly items: readonly Outline[] }
  | { readonly tag: 'scalar'; readonly value: string | number | boolean | null }
)
