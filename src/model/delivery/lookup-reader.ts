import type { RuleSet } from '../rule/rule-set.ts'
import type { DropResult } from './deliveries.ts'
import type { Preparation, Prepared } from './preparation.ts'

/** Reads the rows that jobs wait for (deliver/lookups). A server that is down is waited for; no event fails by it. */
export interface LookupReader {
  /** `bytes`: what waits in memory for the answer. Never settles after `close`. */
  prepare(preparation: Preparation, bytes: number): Promise<Prepared>
  /** What waits asks by the lookups as they are now, where its rule still has them. */
  useRules(ruleSet: RuleSet): void
  /** What waits for a server that no rule names any more cannot be rendered. */
  drop(server: string): DropResult
  /** Whatever waits, waits for servers that are down. */
  readonly onlyDownLeft: boolean
  close(): Promise<void>
}

export const NO_LOOKUPS: LookupReader = {
  prepare: () => new Promise(() => undefined),
  useRules: () => undefined,
  drop: () => 'unknown',
  onlyDownLeft: false,
  close: () => Promise.resolve(),
}
