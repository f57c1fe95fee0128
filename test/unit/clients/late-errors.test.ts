import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { hearLateErrors } from '../../../src/clients/guards/late-errors.ts'

test('a socket may say `error` as often as it likes, also when its client has taken all listeners away', () => {
  const socket = hearLateErrors(new EventEmitter())
  const heard: string[] = []
  socket.once('error', (error: Error) => heard.push(error.message))
  socket.emit('error', new Error('first'))
  socket.emit('error', new Error('second'))
  for (const times of [1, 2, 3]) {
    socket.on('error', () => heard.push(`again ${times}`))
    socket.removeAllListeners('error')
    socket.emit('error', new Error('third'))
  }
  expect(heard).toEqual(['first'])
  expect(socket.listenerCount('error')).toBe(1)
})
