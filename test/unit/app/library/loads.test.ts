import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const PROGRAM = `
import { createRequire } from 'node:module'
import { createEventStore, createInbox, createOutbox, MemoryInbox, MemoryOutbox } from './src/index.ts'
createEventStore('postgres://localhost/x'); createEventStore('file:/tmp/never'); createOutbox(new MemoryOutbox()); createInbox(new MemoryInbox())
const loaded = Object.keys(createRequire(import.meta.url)('node:module')._cache)
const packages = ['pg', 'kysely', 'drizzle-orm'].filter((name) => loaded.some((path) => path.includes('/node_modules/' + name + '/')))
console.log(JSON.stringify([...packages, ...process.moduleLoadList.filter((name) => name.endsWith(' sqlite'))]))`

test('Importing the library, and making stores of it, loads no database client that is not used', async () => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    cwd: new URL('../../../../', import.meta.url).pathname,
  })
  expect(JSON.parse(stdout)).toEqual([])
})
