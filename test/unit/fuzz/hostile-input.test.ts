import { expect, test } from 'vitest'
import { runFuzz } from '../../fuzz/run.ts'
import { SUBJECTS } from '../../fuzz/subjects/all.ts'
import { inForm } from '../../support/forms.ts'

/** `npm run faults -- fuzz --minutes N` goes on for as long as one likes. */
const CASES: { readonly [subject: string]: number } = {
  'binlog-stream': 500,
  'binlog-file': 100,
  rules: 50,
  config: 40,
  template: 500,
  places: 250,
  cel: 500,
  sql: 1_000,
  login: 75,
  samples: 5_000,
  letters: 5_000,
  stored: 5_000,
  api: 150,
}

const TIMES = inForm({ short: 1, long: 5 })

/** Hang detection: a case that hangs is ended, and reported, after 20 s. */
const TIMEOUT_MS = 180_000

test.each(SUBJECTS.map(({ name }) => name))(
  'whatever is handed in as %s ends in a result or a BingoError with a place, in bounded time and memory',
  async (subject) => {
    const { findings } = await runFuzz({ subject, seed: 1, cases: CASES[subject]! * TIMES })
    expect(findings).toEqual([])
  },
  TIMEOUT_MS,
)
