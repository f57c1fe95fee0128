/** How a value becomes part of its place. `segment`: percent-encoded; `rest`: what is not encoded yet; `word`: as it is, or not at all. */
export type Fit = 'segment' | 'rest' | 'word'

/**
 * The syntax tree of a template. Handlebars parses; rendering is ours (template-render.ts), so that no generated code,
 * prototype or partial of the Handlebars runtime ever meets data.
 */
export type TemplatePart =
  | { readonly tag: 'text'; readonly text: string; readonly offset: number }
  | {
      readonly tag: 'output'
      readonly expression: TemplateExpression
      readonly offset: number
      /** How the value has to fit where it stands; absent: any way. */
      readonly fit?: Fit | undefined
    }
  | TemplateBlock

export interface TemplateBlock {
  readonly tag: 'block'
  readonly name: string
  readonly arguments: readonly TemplateExpression[]
  /** Names after `as |item index|`. */
  readonly names: readonly string[]
  readonly body: readonly TemplatePart[]
  readonly otherwise: readonly TemplatePart[]
  readonly offset: number
}

export type TemplateExpression =
  | TemplatePath
  | { readonly tag: 'literal'; readonly value: string | number | boolean | null; readonly offset: number }
  | TemplateCall

export interface TemplatePath {
  readonly tag: 'path'
  readonly parts: readonly string[]
  /** Number of `../`. */
  readonly depth: number
  /** `@index` and the like. */
  readonly data: boolean
  readonly offset: number
}

export interface TemplateCall {
  readonly tag: 'call'
  readonly helper: string
  readonly arguments: readonly TemplateExpression[]
  readonly offset: number
}
