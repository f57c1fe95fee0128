import type { Change } from '../../../model/event/change.ts'
import type { Row, Value } from '../../../model/event/row.ts'
import { sagaValue } from '../fact-values.ts'
import type { SourceText } from '../source-text.ts'
import { FactVariables } from './cel-facts-of-rule.ts'
import { celInteger } from './values/cel-values.ts'
import { LazyMap, looksLikeMap } from './values/lazy-map.ts'
import { microseconds } from './values/cel-time.ts'
import type { CelTimestamp } from './values/cel-time.ts'

type Fields = { readonly [name: string]: Value }

/** A JSON object as a CEL map whose entries are converted when they are asked for: most of a payload never is. */
class JsonMap extends LazyMap {
  private readonly fields: Fields

  constructor(fields: Fields) {
    super()
    this.fields = fields
  }

  override get(name: string): unknown {
    return Object.hasOwn(this.fields, name) ? celJson(this.fields[name]) : undefined
  }

  override has(name: string): boolean {
    return this.get(name) !== undefined
  }

  protected override all(): Iterable<readonly [string, unknown]> {
    return Object.entries(this.fields).map(([name, value]) => [name, celJson(value)])
  }
}
looksLikeMap(JsonMap)

/** A JSON number is an int when it is a whole number that JSON holds exactly, else a double. */
function celJson(value: Value): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (typeof value === 'bigint') return celInteger(value)
  if (typeof value !== 'object' || value === null) return value
  return Array.isArray(value) ? value.map(celJson) : new JsonMap(value as Fields)
}

/** The variables of one evaluation for a posted event. What rows have is refused when an expression is bound. */
export class EventVariables extends FactVariables {
  private readonly fields: Row

  constructor(change: Change, source: SourceText) {
    super(change, source)
    this.fields = change.new!
  }

  get event(): unknown {
    return new JsonMap(this.fields)
  }

  get payload(): unknown {
    return celJson(this.fields['payload'])
  }

  get context(): unknown {
    return celJson(this.fields['context'])
  }

  get metadata(): unknown {
    return celJson(this.fields['metadata'])
  }

  get key(): string | null {
    return this.change.key
  }

  get saga(): unknown {
    return celJson(sagaValue(this.change, 'saga'))
  }

  get steps(): unknown {
    return celJson(sagaValue(this.change, 'steps'))
  }

  get input(): unknown {
    return this.payload
  }

  get output(): unknown {
    return celJson(sagaValue(this.change, 'output'))
  }

  /** When it happened, as its sender says. */
  get ts(): CelTimestamp {
    return microseconds(this.change.at * 1_000)
  }
}
