import { defineConfig } from 'vitest/config'

/** Servers take seconds to start and machines are slow at times: hang detection, not a measure of speed. */
const SERVER_TIMEOUT_MS = 180_000
/** Some start processes, and the machine may be busy with other work. */
const UNIT_TIMEOUT_MS = 60_000

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
          globalSetup: ['test/support/servers/global-setup.ts'],
          maxWorkers: 2,
        },
      },
    ],
  },
})
