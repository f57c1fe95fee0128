import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { longOnes, pathFromTest } from '../../.config/durations.ts'

const ROOT = new URL('../../', import.meta.url)
const RECORDED = JSON.parse(readFileSync(new URL('.config/test-durations.json', ROOT), 'utf8')) as {
  readonly [file: string]: number
}

test('each file with a recorded duration is there, under the path that the order of tests looks it up by', () => {
  const files = Object.keys(RECORDED)
  expect(files.length).toBeGreaterThan(0)
  expect(files.filter((file) => !existsSync(new URL(file, ROOT)))).toEqual([])
  expect(files.map((file) => pathFromTest(new URL(file, ROOT).pathname))).toEqual(files)
})

test('durations are recorded from test/ on, whatever folder the report comes from, and only those of long files', () => {
  const took = (name: string, seconds: number) => ({ name, startTime: 5_000, endTime: 5_000 + seconds * 1_000 })
  const testResults = [
    took('/home/a/bingo/test/unit/b.test.ts', 31.4),
    took('/srv/test/clean/test/fault/a.test.ts', 10),
    took('C:\\bingo\\test\\integration\\c.test.ts', 12),
    took('/home/a/bingo/test/unit/quick.test.ts', 9.4),
  ]
  expect(longOnes({ testResults })).toEqual({
    'test/fault/a.test.ts': 10,
    'test/integration/c.test.ts': 12,
    'test/unit/b.test.ts': 31,
  })
})

test('a file outside test/ is refused with words', () => {
  expect(() => pathFromTest('/home/a/bingo/src/main.ts')).toThrow('/home/a/bingo/src/main.ts is in no folder test/')
})
