import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { watchOutput } from '../../../../src/cli/output/broken-output.ts'

function failing(code: string): Error {
  return Object.assign(new Error(`write ${code}`), { code })
}

test('A reader of stdout or stderr that closes its end is not a failure', () => {
  const streams = [new EventEmitter(), new EventEmitter()]
  const failures: string[] = []
  watchOutput(streams, ({ code }) => failures.push(code))
  for (const stream of streams) stream.emit('error', failing('EPIPE'))
  expect(failures).toEqual([])
})

test('Output that cannot be written for another reason is reported once, with a code', () => {
  const stream = new EventEmitter()
  const failures: string[] = []
  watchOutput([stream], ({ code }) => failures.push(code))
  stream.emit('error', failing('ENOSPC'))
  expect(failures).toEqual(['BINGO_OUTPUT'])
})

test('A stream with a keeper of its own is left to it', () => {
  const stream = new EventEmitter().on('error', () => undefined)
  const failures: string[] = []
  watchOutput([stream], ({ code }) => failures.push(code))
  stream.emit('error', failing('EIO'))
  expect(failures).toEqual([])
})
