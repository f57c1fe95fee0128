import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const PAGE = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
/** `\|` inside a cell is no border. */
const ROWS = [...PAGE.matchAll(/^\| (BINGO_.*) \|$/gm)].map((line) =>
  line[1]!.split(/(?<!\\)\|/).map((cell) => cell.trim()),
)

test('docs/errors.md tells of each code its cause, what happens meanwhile and what to do', () => {
  expect(ROWS.length).toBeGreaterThan(0)
  expect(
    ROWS.filter((cells) => cells.length !== 4 || cells.some((cell) => cell === '')).map(([codes]) => codes),
  ).toEqual([])
})

test('docs/errors.md explains each code once', () => {
  const codes = ROWS.flatMap(([first]) => first!.match(/BINGO_[A-Z0-9_]+/g)!)
  expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([])
})

test('every table of docs/errors.md has the same four columns', () => {
  const heads = PAGE.match(/^\| code .*\|$/gm)!
  expect(new Set(heads)).toEqual(new Set(['| code | cause | meanwhile | do |']))
})
