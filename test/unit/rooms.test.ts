import { expect, test } from 'vitest'
import { currentConfiguration, foldersOfSource, lintConfiguration, roomOf } from '../../.config/lint-rooms.ts'
import { CLIENT_FILES, CLOCK_FILE, ROOMS, TIMERS_ALLOWED } from '../../.config/rooms.ts'
import { existsSync } from 'node:fs'

const SRC = new URL('../../src/', import.meta.url)

test('every folder of src belongs to a room of .config/rooms.ts', () => {
  expect(foldersOfSource().filter((folder) => roomOf(folder) === undefined)).toEqual([])
})

test('every room and every opener of a client is there', () => {
  expect(ROOMS.map(({ folder }) => folder).filter((folder) => !existsSync(new URL(folder, SRC)))).toEqual([])
  expect(Object.values(CLIENT_FILES).filter((file) => !existsSync(new URL(file, SRC)))).toEqual([])
})

test('the clock, and every room that may set timers without it, is there', () => {
  expect([CLOCK_FILE, ...TIMERS_ALLOWED].filter((path) => !existsSync(new URL(path, SRC)))).toEqual([])
})

test('the import rules of .oxlintrc.json are those of the table: npm run lint:rooms', () => {
  expect(JSON.parse(currentConfiguration())).toEqual(JSON.parse(lintConfiguration()))
})
