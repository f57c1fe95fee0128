import { defineConfig } from 'vitest/config'

/** Servers take seconds to start and machines are slow at times: hang detection, not a measure of speed. */
const SERVER_TIMEOUT_MS = 180_000
/** Some start processes, and the machine may be busy with other work. */
const UNIT_TIMEOUT_MS = 60_000

/**
 * Tests with real servers, on CI only: a second attempt is printed, and is a defect to look into, but one hiccup of the
 * machine does not throw a whole run away.
 */
const SERVER_RETRIES = process.env['CI'] ? 1 : 0

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    reporters: process.env['CI'] ? ['dot', 'github-actions'] : ['default'],
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: UNIT_TIMEOUT_MS } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: SERVER_TIMEOUT_MS,
          hookTimeout: SERVER_TIMEOUT_MS,
          retry: SERVER_RETRIES,
          globalSetup: ['test/support/servers/global-setup.ts'],
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'fault',
          include: ['test/fault/**/*.test.ts'],
          testTimeout: SERVER_TIMEOUT_MS,
          hookTimeout: SERVER_TIMEOUT_MS,
          retry: SERVER_RETRIES,
          globalSetup: ['test/support/servers/global-setup.ts'],
          maxWorkers: 2,
        },
      },
    ],
  },
})
