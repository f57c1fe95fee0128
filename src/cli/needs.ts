import type { LoadOptions } from '../app/config/load.ts'
import type { SettingPath } from '../app/config/settings.ts'

/** What a command takes from the configuration. */
export interface Needs {
  /** It reads from a database: without `source` it cannot do anything. */
  readonly source: LoadOptions['sourceRequired']
  /**
   * Settings, or groups of them, that it uses: a secret of any other one need not be there. `all`: of the daemon itself.
   * `rules`: it compiles rules and contacts nobody, so that no secret need be there at all.
   */
  readonly used:
    | readonly (SettingPath | 'http' | 'events' | 'source' | 'deadLetters' | 'webhooks' | 'delivery')[]
    | 'all'
    | 'rules'
}

/** `check` is not among them: it reads everything, and judges what is missing itself. */
export const NEEDS = {
  run: { source: 'unless events', used: 'all' },
  tail: { source: 'unless brokers', used: ['name', 'source'] },
  explain: { source: false, used: 'rules' },
  test: { source: false, used: 'rules' },
  status: { source: false, used: ['http'] },
  health: { source: false, used: ['http'] },
  targets: { source: false, used: ['http'] },
  // And `bingo rules`, `bingo sagas`.
  events: { source: false, used: ['http'] },
  'sagas, stored': { source: false, used: ['name', 'checkpoint.store', 'deadLetters', 'sagas.store'] },
  // Where neither the command line nor BINGO_EVENT_STORE names one.
  store: { source: false, used: ['eventStore.url'] },
  'position show': { source: false, used: ['name', 'checkpoint.store'] },
  'position set': {
    source: 'unless events',
    used: ['name', 'checkpoint.store', 'source', 'http', 'eventStore.url'],
  },
  'dead-letters': { source: false, used: ['name', 'checkpoint.store', 'deadLetters'] },
  // Its targets are those of the rules, which may use redis.url.
  'dead-letters retry': {
    source: false,
    used: ['name', 'checkpoint.store', 'deadLetters', 'redis.url', 'webhooks', 'delivery', 'eventStore.url'],
  },
  // Where a rule makes events: the daemon stores them, or this process does.
  'dead-letters retry, making events': { source: false, used: ['name', 'checkpoint.store', 'http', 'events'] },
  // Where a rule reads more than its dead letters hold, or looks something up.
  'dead-letters retry, asking the source': { source: true, used: ['name', 'source'] },
} as const satisfies { readonly [command: string]: Needs }

export type NeedyCommand = keyof typeof NEEDS
