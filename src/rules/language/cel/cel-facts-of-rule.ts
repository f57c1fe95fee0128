import type { Change } from '../../../model/event/change.ts'
import type { Value } from '../../../model/event/row.ts'
import type { SourceText } from '../source-text.ts'
import { LookupMap } from './cel-lookups.ts'
import { toCelValue } from './values/cel-values.ts'

/** What a rule knows of an event beside what the event says, of rows and of posted events alike. */
export abstract class FactVariables {
  protected readonly change: Change
  private readonly source: SourceText

  constructor(change: Change, source: SourceText) {
    this.change = change
    this.source = source
  }

  get lookup(): unknown {
    return new LookupMap(this.change, this.source, 'null')
  }

  get 'lookup row'(): unknown {
    return new LookupMap(this.change, this.source, 'nulls')
  }

  get 'lookup row?'(): unknown {
    return new LookupMap(this.change, this.source, 'nothing')
  }

  get threshold(): unknown {
    return toCelValue((this.change.facts?.threshold ?? {}) as Value, 'json')
  }
}
