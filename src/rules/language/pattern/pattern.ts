import type { SourceLocation } from '../../../model/errors.ts'

/** A constant of a pattern. Integers that a number cannot hold exactly are bigints, as decoded values have them. */
export type Literal = string | number | bigint | boolean

/** A pattern as it stands in a file. */
export type PatternSource = { readonly location: SourceLocation } & (
  | {
      readonly tag: 'map'
      readonly entries: readonly {
        readonly key: string
        readonly keyLocation: SourceLocation
        readonly value: PatternSource
      }[]
    }
  | { readonly tag: 'list'; readonly items: readonly PatternSource[] }
  | {
      readonly tag: 'scalar'
      readonly value: string | number | boolean | null
      /** A number as it is written: `value` may have lost digits. */
      readonly written: string
    }
)

/**
 * A parsed pattern (`match:` of a rule), in the language of trigger.dev's EventFilter: maps say what has to be at their
 * keys, lists say which values are right.
 */
export interface PatternMap {
  readonly tag: 'map'
  readonly location: SourceLocation
  readonly entries: readonly PatternEntry[]
}

export interface PatternEntry {
  readonly key: string
  /** Of the key. */
  readonly location: SourceLocation
  readonly node: PatternNode
}

export type PatternNode = PatternMap | PatternClause

/** What one value has to be. */
export type PatternClause =
  /** `[]`: anything. */
  | { readonly tag: 'any'; readonly location: SourceLocation }
  /** One of these, all of one type. */
  | { readonly tag: 'values'; readonly location: SourceLocation; readonly values: readonly Literal[] }
  /** All of them hold. */
  | { readonly tag: 'operators'; readonly location: SourceLocation; readonly operators: readonly Operator[] }

export type Operator = { readonly location: SourceLocation } & (
  | { readonly name: '$startsWith' | '$endsWith' | '$ignoreCaseEquals'; readonly operand: string }
  | { readonly name: '$exists' | '$isNull'; readonly operand: boolean }
  | { readonly name: '$anythingBut'; readonly operand: readonly Literal[] }
  | { readonly name: '$gt' | '$gte' | '$lt' | '$lte'; readonly operand: number | bigint }
  | { readonly name: '$between'; readonly operand: readonly [number | bigint, number | bigint] }
  | { readonly name: '$includes'; readonly operand: Literal }
  /** A value, or an operator that must not hold. */
  | { readonly name: '$not'; readonly operand: Literal | Operator }
)

export type OperatorName = Operator['name']

/** What each operator takes, for messages and for the JSON schema of rules. */
export const OPERATORS: {
  readonly [name in OperatorName]: {
    readonly takes: 'text' | 'boolean' | 'number' | 'numbers' | 'value' | 'values' | 'value or operator'
    readonly example: string
  }
} = {
  $startsWith: { takes: 'text', example: '{$startsWith: "EU-"}' },
  $endsWith: { takes: 'text', example: '{$endsWith: "@example.com"}' },
  $ignoreCaseEquals: { takes: 'text', example: '{$ignoreCaseEquals: "paid"}' },
  $exists: { takes: 'boolean', example: '{$exists: true}' },
  $isNull: { takes: 'boolean', example: '{$isNull: false}' },
  $anythingBut: { takes: 'values', example: '{$anythingBut: [DE, AT]}' },
  $not: { takes: 'value or operator', example: '{$not: free}' },
  $gt: { takes: 'number', example: '{$gt: 18}' },
  $gte: { takes: 'number', example: '{$gte: 18}' },
  $lt: { takes: 'number', example: '{$lt: 100}' },
  $lte: { takes: 'number', example: '{$lte: 100}' },
  $between: { takes: 'numbers', example: '{$between: [1, 10]}' },
  $includes: { takes: 'value', example: '{$includes: vip}' },
}

export function isOperatorName(name: string): name is OperatorName {
  return Object.hasOwn(OPERATORS, name)
}
