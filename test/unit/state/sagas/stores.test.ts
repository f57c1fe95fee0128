import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { MemorySagaStore } from '../../../../src/state/sagas/memory-store.ts'
import { SqliteSagaStore } from '../../../../src/state/sagas/sqlite-store.ts'
import { StateFile } from '../../../../src/state/sqlite/state-file.ts'
import { readSource } from '../../../../src/state/sagas/texts.ts'
import { silentLog } from '../../../support/jobs.ts'
import { add, describeSagaStore, sagaInstance } from '../../../support/sagas/store-contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-sagas-'))
const opened: SqliteSagaStore[] = []
let files = 0

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

const newPath = (): string => join(folder, `${++files}`, 'state')

function inFile(path: string): SqliteSagaStore {
  const store = new SqliteSagaStore(new StateFile({ path, name: 'bingo', letters: true, log: silentLog }))
  opened.push(store)
  return store
}

describe('sagas in memory', () => {
  describeSagaStore(async () => {
    const store = new MemorySagaStore()
    return async () => store
  })
})

describe('sagas in a file', () => {
  describeSagaStore(async () => {
    const path = newPath()
    return async () => inFile(path)
  })

  test('are added to a state file of before', async () => {
    const path = newPath()
    const before = inFile(path)
    await before.nextDue()
    await before.close()
    const raw = new DatabaseSync(path)
    raw.exec('DROP TABLE saga_instances; DROP TABLE saga_totals; DROP TABLE saga_leader; PRAGMA user_version = 5')
    raw.close()
    expect(await add(inFile(path), sagaInstance('a'))).toEqual([true])
  })

  test.each([
    ['{', 'A saga in ', '"{" is not JSON'],
    ['null', 'A saga in ', 'it is not a map'],
    ['{"saga": "order", "key": "a"}', 'The saga "order" of the key "a" in ', 'version is not a text'],
    [null, 'The saga "order" of the key "a" in ', 'steps.pay.attempts is not a number'],
  ])('that somebody has written over are told with the place: %s', async (body, which, fault) => {
    const path = newPath()
    const store = inFile(path)
    await add(store, sagaInstance('a'))
    const raw = new DatabaseSync(path)
    const edited = 'json_set(body, \'$.steps\', json(\'{"pay": {"status": "done", "attempts": "1"}}\'))'
    raw.exec(`UPDATE saga_instances SET body = ${body === null ? edited : `'${body}'`}`)
    raw.close()
    await expect(store.load([{ saga: 'order', key: 'a' }])).rejects.toMatchObject({
      code: 'BINGO_SAGA_STORE_CORRUPT',
      message: `${which}${store.description} is corrupt: ${fault}`,
    })
  })

  test.each([
    ['{', 'it is not JSON'],
    ['null', 'it is not a map'],
    ['{"id": "order", "version": "v", "file": "a.yaml", "line": 1}', 'text is not a text'],
  ])('whose definition somebody has written over are told with the place: %s', (body, fault) => {
    expect(() => readSource(body, 'a store')).toThrow(
      expect.objectContaining({
        code: 'BINGO_SAGA_STORE_CORRUPT',
        message: `A definition of a saga in a store is corrupt: ${fault}`,
      }),
    )
  })
})
