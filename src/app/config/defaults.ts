import type { ConfigInput } from './input.ts'

/** What holds when nothing else is said. Written as people would write it; read by the same parsers. */
export const DEFAULTS = {
  name: 'bingo',
  source: {
    start: 'latest',
    heartbeat: '10s',
    connectTimeout: '10s',
    queryTimeout: '30s',
    reconnect: { min: '100ms', max: '30s' },
    onGap: 'stop',
    ignoreStatementsOn: [],
  },
  checkpoint: { store: 'file:/var/lib/bingo/checkpoint', interval: '250ms' },
  standby: { lease: 'off', ttl: '10s' },
  rules: ['rules/*.yaml'],
  watchRules: true,
  lanes: 16,
  budget: '16MiB',
  delivery: {
    timeout: '10s',
    onFailure: 'park',
    retry: { attempts: 'unlimited', maxAge: 'unlimited', min: '100ms', max: '30s' },
  },
  deadLetters: { maxCount: 100_000, maxBytes: '256MiB', maxAge: 'unlimited' },
  spool: { after: '30s', maxBytes: '1GiB' },
  breaker: { events: 50 },
  webhooks: { allowCidrs: [] },
  shutdown: { deadline: '6s' },
  http: { listen: '127.0.0.1:8686', tokens: [] },
  events: {
    environments: ['default'],
    testEnvironments: [],
    retention: '7d',
    limits: { event: '256KiB', request: '1MiB', depth: 64, batch: 100_000, hops: 16 },
  },
  eventStore: { follow: 'off', read: 'sql' },
  scale: { role: 'all', shares: 16 },
  sagas: { keep: '7d' },
  log: { level: 'info', rowValues: false, deliveries: false },
} satisfies ConfigInput
