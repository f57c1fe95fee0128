import { expect, test } from 'vitest'
import { OpenParts } from '../../../src/app/open-parts.ts'

test('What was opened is closed in reverse, each after the one before it', async () => {
  const closed: string[] = []
  const opened = new OpenParts()
  opened.add({ close: async () => void closed.push('store') })
  expect(opened.add(null)).toBeNull()
  opened.defer(() => void closed.push('connection'))
  opened.add({
    close: async () => {
      closed.push('source closes')
      await new Promise(setImmediate)
      closed.push('source')
    },
  })
  await opened.close()
  expect(closed).toEqual(['source closes', 'source', 'connection', 'store'])
})

test('Every part is closed where some cannot be, and the first error is reported', async () => {
  const closed: string[] = []
  const opened = new OpenParts()
  opened.add({ close: async () => void closed.push('store') })
  opened.add({ close: () => Promise.reject(new Error('the second')) })
  opened.defer(() => {
    throw new Error('the first')
  })
  await expect(opened.close()).rejects.toThrow('the first')
  expect(closed).toEqual(['store'])
})
