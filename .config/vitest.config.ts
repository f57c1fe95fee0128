import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './longest-first.ts'

/** Servers take seconds to start and machines are slow at times: hang detection, not a measure of speed. */
const SERVER_TIMEOUT_MS = 180_000
/** Of fault tests: they tell what was not reached, or has not healed, within minutes, and must not be cut off before. */
const FAULT_TIMEOUT_MS = 900_000
/** Some start processes, and the machine may be busy with other work. */
const UNIT_TIMEOUT_MS = 180_000

/** `expect.poll` waits for what will happen, however busy the machine is; below the timeouts of tests, to name what did not. */
const POLL = { timeout: 50_000, interval: 20 }

/** Tests with servers wait more than they work, so that four are right for two cores; each has servers of its own. */
const WORKERS = Math.max(4, Math.floor(availableParallelism() / 2))

const ATTEMPTS = 'test/support/attempts.ts'
const LEFTOVERS = 'test/support/leftovers.ts'
const SERVERS = 'test/support/servers/global-setup.ts'

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    reporters: process.env['CI'] ? ['dot', 'github-actions'] : ['default'],
    expect: { poll: POLL },
    maxWorkers: WORKERS,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // A process and its modules for each of hundreds of files cost more than most of these tests.
          isolate: false,
          include: ['test/unit/**/*.test.ts'],
          testTimeout: UNIT_TIMEOUT_MS,
          hookTimeout: UNIT_TIMEOUT_MS,
          globalSetup: [LEFTOVERS],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          // As above; each file starts servers of its own.
          isolate: false,
          include: ['test/integration/**/*.test.ts'],
          testTimeout: SERVER_TIMEOUT_MS,
          hookTimeout: SERVER_TIMEOUT_MS,
          setupFiles: [ATTEMPTS],
          globalSetup: [LEFTOVERS, SERVERS],
        },
      },
      {
        extends: true,
        test: {
          name: 'fault',
          include: ['test/fault/**/*.test.ts'],
          testTimeout: FAULT_TIMEOUT_MS,
          hookTimeout: FAULT_TIMEOUT_MS,
          setupFiles: [ATTEMPTS],
          globalSetup: [LEFTOVERS, SERVERS],
        },
      },
    ],
  },
})
