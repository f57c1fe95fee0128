import { expect, test } from 'vitest'
import { inForm } from '../support/forms.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { randomFrom } from './random.ts'
import { killOnce } from './targets/kafka-once-run.ts'

/** 100 kills: npm run faults -- kafka-exactly-once. */
test('a reader of what is committed sees each event once, in order, whoever of BinGo and the broker is killed', async () => {
  await using mysql = await startMysql({ gtid: true })
  const options = {
    kills: inForm({ short: 2, long: 10 }),
    brokerEvery: 2,
    changes: inForm({ short: 500, long: 5_000 }),
    rows: 10,
    random: randomFrom(7),
  }
  const { verdict, deadLetters } = await killOnce(mysql, options)
  expect(verdict).toMatchObject({ lost: [], reordered: [], phantoms: [], changedIds: [], duplicates: 0 })
  expect(deadLetters).toBe(0)
})
