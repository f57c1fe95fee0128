import * as fc from 'fast-check'

/** Below the time limits of tests, which would end one without a word of its seed. For hangs, not for what is slow. */
const RUN_MS = 60_000
const ALL_RUNS_MS = 150_000

// A failure has seed and path, a run that hangs has them too, and runs that take too long together have the seed and how many
// there were. Only a run that is synchronous and never ends says nothing.
fc.installGlobalPlugin(fc.timeout(RUN_MS))
fc.installGlobalPlugin(fc.interruptAfterTimeLimit(ALL_RUNS_MS, { failOnInterrupt: true }))

/** fast-check, with the limits of time that its properties have here: to be imported from here. */
export { fc }
