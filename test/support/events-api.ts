import type { Events, RuleInfo, RuleSwitches } from '../../src/events/contract.ts'
import { Publisher } from '../../src/events/publisher.ts'
import type { EventLimits, HttpToken } from '../../src/events/settings.ts'
import { systemClock } from '../../src/model/clock.ts'
import { EventCounters } from '../../src/model/event/posted/event-counters.ts'
import { silentLog } from '../../src/model/silent-log.ts'
import type { EventProvider } from '../../src/model/state/event-provider.ts'
import type { ApiDeps } from '../../src/ops/api/context.ts'
import { Tokens } from '../../src/ops/tokens.ts'
import { MemoryEvents } from './memory-events.ts'

export const API_LIMITS: EventLimits = {
  eventBytes: 4_000,
  requestBytes: 20_000,
  depth: 8,
  batch: 100,
  ratePerSecond: null,
  hops: 16,
}

export const TOKENS: readonly HttpToken[] = [
  { token: 'token-that-publishes', name: 'shop', scopes: ['publish'], environment: 'default' },
  { token: 'token-that-reads', name: 'desk', scopes: ['read'], environment: 'default' },
  { token: 'token-of-the-tests', name: 'ci', scopes: ['publish', 'read'], environment: 'test' },
  { token: 'token-that-operates', name: 'ops', scopes: ['operate', 'read', 'publish'], environment: 'default' },
]

/** What the API asks, with events in memory and three rules. `tokens`: none are needed where there are none. */
export function apiDeps(
  options: { limits?: Partial<EventLimits>; tokens?: readonly HttpToken[]; provider?: EventProvider } = {},
) {
  const provider = options.provider ?? new MemoryEvents()
  const counters = new EventCounters()
  const limits = { ...API_LIMITS, ...options.limits }
  const publisher = new Publisher({ provider, limits, instanceId: 'one', clock: systemClock, counters })
  const events: { current: Events | null } = { current: { provider, publisher, sink: publisher.sink } }
  const rules = new MemorySwitches()
  const deps: ApiDeps = {
    tokens: new Tokens({ token: undefined, tokens: options.tokens }),
    takesEvents: true,
    events: () => events.current,
    rules: () => rules,
    sagas: () => null,
    environments: ['default'],
    testEnvironments: new Set(['test']),
    limits,
    version: '1.0.0',
    clock: systemClock,
    log: silentLog,
  }
  return { deps, provider, counters, events, rules }
}

const RULE = { description: null, tags: [], version: 'v1', enabled: true, disabledAt: null, disabledBy: null }

class MemorySwitches implements RuleSwitches {
  private readonly rules = new Map<string, RuleInfo>(
    [
      { ...RULE, id: 'welcome', on: ['users.user.create'], manual: false },
      { ...RULE, id: 'by-hand', on: [], manual: true },
      { ...RULE, id: 'cache', on: [], manual: false },
    ].map((rule) => [rule.id, rule]),
  )

  list(): readonly RuleInfo[] {
    return [...this.rules.values()]
  }

  async set(id: string, enabled: boolean, by: string): Promise<RuleInfo | null> {
    const rule = this.rules.get(id)
    if (rule === undefined) return null
    const changed = { ...rule, enabled, disabledAt: enabled ? null : 1, disabledBy: enabled ? null : by }
    this.rules.set(id, changed)
    return changed
  }
}
