import { expect, test } from 'vitest'
import { runFuzz } from '../../fuzz/run.ts'
import { SUBJECTS } from '../../fuzz/subjects/all.ts'

/** The long form is `npm run faults -- fuzz --minutes N`. */
const CASES: { readonly [subject: string]: number } = {
  'binlog-stream': 1_000,
  'binlog-file': 200,
  rules: 100,
  config: 80,
  template: 1_000,
  places: 500,
  cel: 1_000,
  sql: 2_000,
  login: 150,
  api: 300,
}

/** Hang detection: a case that hangs is ended, and reported, after 20 s. */
const TIMEOUT_MS = 180_000

test.each(SUBJECTS.map(({ name }) => name))(
  'whatever is handed in as %s ends in a result or a BingoError with a place, in bounded time and memory',
  async (subject) => {
    const { findings } = await runFuzz({ subject, seed: 1, cases: CASES[subject]! })
    expect(findings).toEqual([])
  },
  TIMEOUT_MS,
)
