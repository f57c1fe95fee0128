import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { CheckpointSize } from '../../../src/log/sqlite/checkpoint-size.ts'

function setup() {
  const database = new DatabaseSync(':memory:')
  const size = new CheckpointSize(database)
  const pages = () => database.prepare('PRAGMA wal_autocheckpoint').get()!['wal_autocheckpoint']
  const write = (events: number, times: number): void => {
    for (let i = 0; i < times; i++) size.writes(events)
  }
  return { pages, write }
}

test('where little is written the log is moved into the file in small pieces, where much is, seldom', () => {
  const { pages, write } = setup()
  write(1, 1)
  expect(pages()).toBe(100)
  write(40, 20)
  expect(pages()).toBe(1_000)
  write(2, 100)
  expect(pages()).toBe(100)
})

test('one large transaction among many small ones changes nothing, nor does what lies between', () => {
  const { pages, write } = setup()
  write(1, 50)
  write(100, 1)
  expect(pages()).toBe(100)
  write(1, 50)
  write(6, 200)
  expect(pages()).toBe(100)
})
